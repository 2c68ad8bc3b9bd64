// Whole daemons with a real WireGuard, in namespaces of this program's own. Needs root. The
// binaries are those of PEERAGE_BIN_DIR, or of the build folder that this program lies in. `device
// = "auto"`: the kernel's WireGuard where there is one; tests with `userspace` in their names need
// wireguard-go.
#include <gtest/gtest.h>

#include "tests/live/namespaces.h"

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (testing::GTEST_FLAG(list_tests)) return RUN_ALL_TESTS();
  return peerage::live::in_own_namespaces([] { return RUN_ALL_TESTS(); });
}
