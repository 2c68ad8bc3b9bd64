#include "testing/fake_store.h"

#include "tests/contract/store_contract.h"

namespace peerage::contract {
namespace {

struct fake_home final : store_home {
  std::shared_ptr<store> memory = std::make_shared<peerage::fakes::fake_store>();
  std::shared_ptr<store> open(asio::io_context&) override { return memory; }
};

INSTANTIATE_TEST_SUITE_P(fake, store_contract,
                         testing::Values(store_kind{"fake",
                                                    [] { return std::make_unique<fake_home>(); }}));

}  // namespace
}  // namespace peerage::contract
