#include "cli/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/commands.h"

namespace peerage::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

answer<invocation> parse(std::vector<std::string> arguments) {
  return parse_arguments(std::move(arguments), commands());
}

TEST(options, words_options_and_operands_in_any_order) {
  const auto asked =
      parse({"--json", "create", "--ttl=1h", "a", "--server", "http://x", "--force"});
  ASSERT_TRUE(asked.has_value()) << asked.error().message;
  EXPECT_EQ(asked->command->words, "create");
  EXPECT_THAT(asked->operands, ElementsAre("a"));
  EXPECT_EQ(asked->value("--ttl"), "1h");
  EXPECT_EQ(asked->value("--server"), "http://x");
  EXPECT_TRUE(asked->has("--json"));
  EXPECT_TRUE(asked->has("--force"));
  EXPECT_FALSE(asked->has("--qr"));
  EXPECT_FALSE(asked->value("--file").has_value());
}

TEST(options, a_peer_may_be_called_like_a_command) {
  for (const char* name : {"list", "create", "help", "networks", "drain"}) {
    const auto asked = parse({"show", name});
    ASSERT_TRUE(asked.has_value()) << name;
    EXPECT_EQ(asked->command->words, "show");
    EXPECT_THAT(asked->operands, ElementsAre(name));
  }
  EXPECT_THAT(parse({"remove", "list", "remove"})->operands, ElementsAre("list", "remove"));
  EXPECT_THAT(parse({"networks", "create", "list"})->operands, ElementsAre("list"));
}

TEST(options, a_group_is_a_command_too) {
  EXPECT_EQ(parse({"networks"})->command->words, "networks");
  EXPECT_EQ(parse({"networks", "--json"})->command->words, "networks");
  EXPECT_EQ(parse({"networks", "show", "a"})->command->words, "networks show");
  EXPECT_EQ(parse({})->command, nullptr);
}

TEST(options, a_list_takes_commas_and_repetition_and_nothing_more) {
  const auto asked = parse({"tokens", "create", "--scope", "a,b", "--scope", "c", "name"});
  ASSERT_TRUE(asked.has_value()) << asked.error().message;
  EXPECT_THAT(asked->list("--scope"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(asked->operands, ElementsAre("name"));
}

TEST(options, a_key_with_equals_signs_is_one_value) {
  EXPECT_EQ(parse({"create", "--public-key=abc="})->value("--public-key"), "abc=");
  EXPECT_EQ(parse({"create", "--public-key", "abc="})->value("--public-key"), "abc=");
}

TEST(options, after_two_dashes_everything_is_an_operand) {
  EXPECT_THAT(parse({"show", "--", "--json"})->operands, ElementsAre("--json"));
  EXPECT_THAT(parse({"show", "--json", "--", "a"})->operands, ElementsAre("a"));
}

TEST(options, wrong_usage_is_one_line_that_helps) {
  struct wrong {
    std::vector<std::string> arguments;
    const char* message;
  };
  const wrong table[] = {
      {{"creat"}, "unknown command \"creat\"; did you mean create?"},
      {{"xyzzy"}, "unknown command \"xyzzy\"; see `peerage help`"},
      {{"networks", "lst"}, "unknown command \"lst\" of networks; did you mean list?"},
      {{"create", "--tll", "1h"}, "unknown option --tll of create; did you mean --ttl?"},
      {{"--jsn", "list"}, "did you mean --json?"},
      {{"list", "--token=very-secret"}, "unknown option --token of list"},
      {{"create", "a", "b"}, "\"b\" is one too many; see `peerage help create`"},
      {{"list", "a"}, "list takes no \"a\""},
      {{"create", "a", "--", "b"}, "\"b\" is one too many; see `peerage help create`"},
      {{"list", "--", "a"}, "list takes no \"a\""},
      {{"networks", "--", "a"}, "unknown command \"a\" of networks"},
      {{"--", "list"}, "unknown command \"list\""},
      {{"show"}, "show needs NAME; see `peerage help show`"},
      {{"gateways", "drain"}, "gateways drain needs NAME"},
      {{"create", "--ttl"}, "--ttl needs a value; see `peerage help create`"},
      {{"create", "--ttl="}, "--ttl needs a value"},
      {{"create", "--ttl", ""}, "--ttl needs a value"},
      {{"create", "--ttl", "1h", "--ttl", "2h"}, "--ttl may be given only once"},
      {{"tokens", "create", "--scope"}, "--scope needs a value"},
      {{"list", "-x"}, "unknown option -x of list"},
      {{"show", "a\x1b[2J", "b\x1b[2J"}, "\"b?[2J\" is one too many"},
  };
  for (const auto& [arguments, message] : table) {
    const auto asked = parse(arguments);
    ASSERT_FALSE(asked.has_value()) << testing::PrintToString(arguments);
    EXPECT_EQ(asked.error().status, exit_status::usage);
    EXPECT_THAT(asked.error().message, HasSubstr(message));
    EXPECT_EQ(asked.error().message.find("very-secret"), std::string::npos);
    EXPECT_EQ(asked.error().message.find('\n'), std::string::npos);
  }
}

TEST(options, help_needs_nothing_else_to_be_right) {
  EXPECT_TRUE(parse({"show", "--help"})->help);
  EXPECT_TRUE(parse({"--help"})->help);
  EXPECT_TRUE(parse({"create", "-h"})->help);
}

}  // namespace
}  // namespace peerage::cli
