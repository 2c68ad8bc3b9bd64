// The wall in this host's nftables, in a network namespace of the test's own. What it does to
// packets is shown by tests/live/tenants_test.cc and kernel_wall_test.cc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <thread>

#include "nft/wall.h"

namespace peerage::contract {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string nft(const std::string& words) {
  const std::string command = "PATH=$PATH:/usr/sbin nft " + words + " 2>&1";
  std::string said;
  std::array<char, 4096> piece{};
  FILE* shell = ::popen(command.c_str(), "r");
  while (std::fgets(piece.data(), static_cast<int>(piece.size()), shell) != nullptr) {
    said += piece.data();
  }
  ::pclose(shell);
  return said;
}

tenant tenant_of(unsigned n) {
  char whole[40], own[40], gateway[40];
  std::snprintf(whole, sizeof whole, "fd00:%x::/48", n);
  std::snprintf(own, sizeof own, "fd00:%x:0:1::/64", n);
  std::snprintf(gateway, sizeof gateway, "fd00:%x:0:1::1", n);
  return {*prefix::parse(whole), *prefix::parse(own), *ip_address::parse(gateway), {}, {}};
}

/// In a thread, whose network namespace goes with it.
void elsewhere(const std::function<void(wall&)>& work, const nft::wall_options& options) {
  std::thread alone([&] {
    ASSERT_EQ(::unshare(CLONE_NEWNET), 0) << "the test must run as root";
    const auto made = nft::make_wall(options);
    work(*made);
  });
  alone.join();
}

const nft::wall_options options{"peerage-gw-1", "wg0", {{"tcp", 53}}};

TEST(nft_wall, takes_networks_in_and_lets_them_go) {
  elsewhere(
      [](wall& it) {
        wall_plan plan{{tenant_of(1)}};
        ASSERT_TRUE(it.arrange(plan)) << it.arrange(plan).error().message;
        tenant rich = tenant_of(2);
        rich.ipv4 = prefix::parse("10.2.0.0/16").value();
        rich.routes = {*prefix::parse("::/0"), *prefix::parse("2001:db8::/32"),
                       *prefix::parse("0.0.0.0/0"), *prefix::parse("192.0.2.0/24")};
        plan.tenants.push_back(rich);
        ASSERT_TRUE(it.arrange(plan)) << it.arrange(plan).error().message;
        EXPECT_TRUE(it.stands().value());
        const std::string both = nft("list ruleset");
        EXPECT_THAT(both, HasSubstr("fd00:1:0:1:: . fd00:1::"));
        EXPECT_THAT(both, HasSubstr("fd00:2:0:1::/64 . ::/0"));
        EXPECT_THAT(both, HasSubstr("10.2.0.0/16 . 0.0.0.0/0"));
        EXPECT_THAT(both, HasSubstr("tcp dport 53 accept"));
        plan.tenants.erase(plan.tenants.begin());
        ASSERT_TRUE(it.arrange(plan));
        EXPECT_THAT(nft("list ruleset"), Not(HasSubstr("fd00:1")));
        ASSERT_TRUE(it.remove());
        EXPECT_EQ(nft("list ruleset"), "");
        EXPECT_TRUE(it.remove()) << "again";
      },
      options);
}

TEST(nft_wall, has_sets_for_each_length_of_ipv4_range_that_is_in_use) {
  elsewhere(
      [](wall& it) {
        wall_plan plan{{tenant_of(1), tenant_of(2), tenant_of(3)}};
        plan.tenants[0].ipv4 = *prefix::parse("10.1.0.0/16");
        ASSERT_TRUE(it.arrange(plan));
        const std::string one = nft("list ruleset");
        EXPECT_THAT(one, HasSubstr("10.1.0.0 . 10.1.0.0"));
        EXPECT_THAT(one, HasSubstr("ip saddr & 255.255.0.0 . ip daddr & 255.255.0.0 @own4-16"));
        plan.tenants[1].ipv4 = *prefix::parse("10.2.3.0/24");
        plan.tenants[2].ipv4 = *prefix::parse("10.2.3.128/30");
        ASSERT_TRUE(it.arrange(plan)) << it.arrange(plan).error().message;
        EXPECT_TRUE(it.stands().value());
        const std::string three = nft("list ruleset");
        EXPECT_THAT(three, HasSubstr("ip daddr & 255.255.255.252 == @tenants4-30 drop"));
        EXPECT_THAT(three, HasSubstr("ip daddr & 255.255.0.0 == @tenants4-16 drop"));
        plan.tenants[1].ipv4.reset();
        plan.tenants[2].ipv4.reset();
        ASSERT_TRUE(it.arrange(plan)) << it.arrange(plan).error().message;
        EXPECT_EQ(nft("list ruleset"), one);
        plan.tenants[0].ipv4.reset();
        ASSERT_TRUE(it.arrange(plan));
        EXPECT_THAT(nft("list ruleset"), Not(HasSubstr("4-16")));
      },
      options);
}

TEST(nft_wall, sees_what_others_did_to_it_and_is_built_again) {
  elsewhere(
      [](wall& it) {
        const wall_plan plan{{tenant_of(1), tenant_of(2)}};
        EXPECT_FALSE(it.stands().value()) << "nothing is built yet";
        ASSERT_TRUE(it.arrange(plan));
        const std::string good = nft("list ruleset");
        nft("add table inet somebody");
        EXPECT_TRUE(it.stands().value()) << "others have tables of their own";
        for (const char* done :
             {"flush ruleset",
              "delete element inet peerage-gw-1 own6 "
              "'{ fd00:1:0:1:: . fd00:1:: }'",
              "flush chain inet peerage-gw-1 prerouting", "delete table inet peerage-gw-1"}) {
          EXPECT_EQ(nft(done), "") << done;
          EXPECT_FALSE(it.stands().value()) << done;
          ASSERT_TRUE(it.arrange(plan));
          EXPECT_TRUE(it.stands().value());
          EXPECT_THAT(nft("list ruleset"), HasSubstr(good)) << done;
        }
      },
      options);
}

TEST(nft_wall, a_later_start_takes_the_place_of_an_earlier_one_in_one_step) {
  elsewhere(
      [](wall& it) {
        ASSERT_TRUE(it.arrange({{tenant_of(1), tenant_of(2)}}));
        const auto later = nft::make_wall(options);
        ASSERT_TRUE(later->arrange({{tenant_of(2), tenant_of(3)}}));
        const std::string now = nft("list ruleset");
        EXPECT_THAT(now, Not(HasSubstr("fd00:1::")));
        EXPECT_THAT(now, HasSubstr("fd00:3::"));
      },
      options);
}

TEST(nft_wall, works_in_a_process_with_thousands_of_files_open) {
  elsewhere(
      [](wall& it) {
        rlimit most{};
        ::getrlimit(RLIMIT_NOFILE, &most);
        most.rlim_cur = most.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &most);
        std::vector<int> files;
        for (int i = 0; i < 1'100; ++i) files.push_back(::dup(0));
        EXPECT_GT(files.back(), 1'024) << "the limit of select() is crossed";
        EXPECT_TRUE(it.arrange({{tenant_of(1)}}));
        EXPECT_TRUE(it.stands().value());
        for (const int each : files) ::close(each);
      },
      options);
}

TEST(nft_wall, holds_a_thousand_networks) {
  elsewhere(
      [](wall& it) {
        wall_plan plan;
        for (unsigned n = 1; n <= 1'000; ++n) plan.tenants.push_back(tenant_of(n));
        ASSERT_TRUE(it.arrange(plan));
        plan.tenants.push_back(tenant_of(1'001));
        ASSERT_TRUE(it.arrange(plan));
        EXPECT_TRUE(it.stands().value());
      },
      options);
}

}  // namespace
}  // namespace peerage::contract
