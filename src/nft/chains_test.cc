#include "nft/chains.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace peerage::nft {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// As nft 1.0.6 prints it.
constexpr std::string_view listed = R"(table ip filter {
	chain INPUT {
		type filter hook input priority filter; policy drop;
	}
	chain FORWARD {
		type filter hook forward priority filter; policy drop;
	}
	chain DOCKER-USER {
	}
}
table ip6 filter {
	chain FORWARD {
		type filter hook forward priority filter; policy accept;
	}
}
table bridge filter {
	chain FORWARD {
		type filter hook forward priority filter; policy drop;
	}
}
table inet own {
	chain late {
		type filter hook forward priority filter + 10; policy drop;
	}
}
)";

TEST(other_chains, that_drop_what_is_forwarded_are_found) {
  EXPECT_THAT(parse_dropping(listed), ElementsAre(dropping_chain{"ip", "filter", "FORWARD"},
                                                  dropping_chain{"inet", "own", "late"}));
  EXPECT_THAT(parse_dropping(""), IsEmpty());
  EXPECT_THAT(parse_dropping("policy drop; hook forward"), IsEmpty());
}

TEST(other_chains, that_accept_by_the_interfaces_name_are_none) {
  const std::string_view table = R"(table ip filter {
	chain FORWARD {
		type filter hook forward priority filter; policy drop;
		iifname "wg0" oifname "wg0" counter packets 0 bytes 0 accept
		iifname "wg1" drop
	}
})";
  EXPECT_TRUE(accepts_by_name(table, "wg0"));
  EXPECT_FALSE(accepts_by_name(table, "wg1"));
  EXPECT_FALSE(accepts_by_name(table, "wg"));
}

}  // namespace
}  // namespace peerage::nft
