// The contract tests' own main: what a host can't run is left out on request, and said.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  // The kernel device has its tests in a virtual machine where the host's kernel has no WireGuard.
  const char* const kernel_device = std::getenv("PEERAGE_KERNEL_DEVICE");
  if (kernel_device != nullptr && std::string_view(kernel_device) == "no") {
    std::puts("PEERAGE_KERNEL_DEVICE=no: the tests of the kernel device are left out");
    std::string filter = testing::GTEST_FLAG(filter);
    filter += filter.find('-') == std::string::npos ? "-" : ":";
    testing::GTEST_FLAG(filter) = filter + "kernel/*:kernel_device.*:kernel_wall.*";
  }
  return RUN_ALL_TESTS();
}
