// The bus of one process, and the fake, held to the promises of ports/bus.h.
#include "tests/contract/bus_contract.h"
#include "local/bus.h"
#include "testing/fake_bus.h"

namespace peerage::contract {
namespace {

INSTANTIATE_TEST_SUITE_P(local, bus_contract,
                         testing::Values(bus_kind{"local", [](asio::io_context&, clock& time) {
                                                    return make_local_bus(time);
                                                  }}));
INSTANTIATE_TEST_SUITE_P(fake, bus_contract,
                         testing::Values(bus_kind{
                             "fake", [](asio::io_context&, clock& time) {
                               return std::make_unique<peerage::fakes::fake_bus>(time);
                             }}));

}  // namespace
}  // namespace peerage::contract
