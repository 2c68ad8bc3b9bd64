#include "cli/listener.h"

#include <gmock/gmock.h>

#include <bit>

namespace peerage::cli {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint16_t port = 7420;  // 1CFC

// As the kernel of a little-endian machine prints it.
const std::string names =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout\n";
std::string row(const std::string& local, const std::string& state, const std::string& user) {
  return "   0: " + local + " 00000000:0000 " + state + " 00000000:00000000 00:00000000 00000000 " +
         user + "        0 4711 1 0000000000000000\n";
}

TEST(listener, is_who_would_get_a_connection_to_the_loopback_address) {
  if constexpr (std::endian::native != std::endian::little) GTEST_FAIL() << "the rows are not its";
  EXPECT_THAT(listeners(names + row("0100007F:1CFC", "0A", "65534"), port), ElementsAre(65534U));
  EXPECT_THAT(listeners(names + row("00000000:1CFC", "0A", "0"), port), ElementsAre(0U));
  const std::string any6(32, '0'), mapped = "0000000000000000FFFF00000100007F";
  EXPECT_THAT(listeners(names + row(any6 + ":1CFC", "0A", "7"), port), ElementsAre(7U));
  EXPECT_THAT(listeners(names + row(mapped + ":1CFC", "0A", "8"), port), ElementsAre(8U));
}

TEST(listener, is_nobody_at_another_port_address_or_state) {
  EXPECT_THAT(listeners(names + row("0100007F:1CFD", "0A", "1"), port), IsEmpty());
  EXPECT_THAT(listeners(names + row("0100007F:1CFC", "01", "1"), port), IsEmpty());
  EXPECT_THAT(listeners(names + row("0200007F:1CFC", "0A", "1"), port), IsEmpty());
  for (const char* odd : {"", "x", "0100007F", "0100007F:1CFC 1", ":::::: : 0A", "\xff\xff"}) {
    EXPECT_THAT(listeners(names + odd, port), IsEmpty()) << odd;
  }
}

}  // namespace
}  // namespace peerage::cli
