// The fake device keeps the promises that tests lean on.
#include "testing/fake_device.h"

#include "tests/contract/device_contract.h"

namespace peerage {
namespace {

device_backend fake_backend(std::uint32_t capacity) {
  static fakes::fake_device* last = nullptr;
  device_backend backend;
  backend.name = "memory";
  backend.kind = "fake";
  backend.make = [capacity](asio::io_context& loop) {
    auto made = std::make_unique<fakes::fake_device>(loop.get_executor());
    made->capacity_ = capacity;
    last = made.get();
    return made;
  };
  backend.take_away = [] { last->vanish(); };
  return backend;
}

INSTANTIATE_TEST_SUITE_P(fake, device_contract, testing::Values(fake_backend(10'000)),
                         name_of_backend);
// Few, since the fake looks at every peer for every peer.
INSTANTIATE_TEST_SUITE_P(fake, device_capacity, testing::Values(fake_backend(1'000)),
                         name_of_backend);

}  // namespace
}  // namespace peerage
