#include "config/suggest.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace peerage {
namespace {

constexpr std::array<std::string_view, 4> names = {"create", "list", "remove", "reset"};

TEST(suggest, finds_what_was_mistyped) {
  EXPECT_EQ(nearest("lits", names), "list") << "neighbours swapped";
  EXPECT_EQ(nearest("craete", names), "create");
  EXPECT_EQ(nearest("lst", names), "list");
  EXPECT_EQ(nearest("lisst", names), "list");
  EXPECT_EQ(nearest("remote", names), "remove");
  EXPECT_EQ(did_you_mean("resett", names), "; did you mean reset?");
}

TEST(suggest, says_nothing_rather_than_nonsense) {
  EXPECT_EQ(nearest("", names), "");
  EXPECT_EQ(nearest("q", names), "");
  EXPECT_EQ(nearest("frobnicate", names), "");
  EXPECT_EQ(nearest(std::string(100'000, 'x'), names), "");
  EXPECT_EQ(nearest("list", {}), "");
  constexpr std::array<std::string_view, 1> short_one = {"a"};
  EXPECT_EQ(nearest("q", short_one), "") << "nothing in common";
  EXPECT_EQ(did_you_mean("zzz", names), "");
}

}  // namespace
}  // namespace peerage
