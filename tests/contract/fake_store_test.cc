#include "testing/fake_store.h"
#include "local/system_clock.h"

#include "tests/contract/store_contract.h"

namespace peerage::contract {
namespace {

struct fake_home final : store_home {
  std::shared_ptr<peerage::fakes::fake_store> memory =
      std::make_shared<peerage::fakes::fake_store>();
  std::unique_ptr<clock> time;
  std::shared_ptr<store> open(asio::io_context& loop) override {
    if (!time) time = make_system_clock(loop.get_executor());
    memory->time = time.get();
    return memory;
  }
};

INSTANTIATE_TEST_SUITE_P(fake, store_contract,
                         testing::Values(store_kind{"fake",
                                                    [] { return std::make_unique<fake_home>(); }}));

}  // namespace
}  // namespace peerage::contract
