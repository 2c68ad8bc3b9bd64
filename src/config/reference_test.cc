#include "config/reference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "config/config.h"

namespace peerage {
namespace {

using testing::AnyOf;
using testing::HasSubstr;

std::multiset<std::string> names_of(std::span<const config_key> keys) {
  std::multiset<std::string> names;
  for (const config_key& each : keys) names.insert(full_name(each));
  return names;
}

std::multiset<std::string> as_set(const std::vector<std::string>& names) {
  return {names.begin(), names.end()};
}

/// A file with both roles in which one key has that value.
std::string file_with(const config_key& key, std::string_view value) {
  const std::string line = std::string(key.key) + " = " + std::string(value) + "\n";
  std::string text = key.section.empty() ? line : "";
  for (const char* section : {"store", "bus", "api", "gateway"}) {
    text += "[" + std::string(section) + "]\n";
    if (key.section == section) text += line;
  }
  return text;
}

/// Without what is not a value: the text, and whether a name was given.
daemon_config values_of(daemon_config config) {
  config.text.clear();
  if (config.gateway) config.gateway->named = false;
  return config;
}

TEST(config_reference, has_each_key_that_the_parsers_take_and_no_other) {
  EXPECT_EQ(names_of(daemon_config_keys()), as_set(names_of_daemon_rules()));
  EXPECT_EQ(names_of(client_config_keys()), as_set(names_of_client_rules()));
}

TEST(config_reference, describes_each_key_and_its_default) {
  for (const auto keys : {daemon_config_keys(), client_config_keys()}) {
    for (const config_key& each : keys) {
      EXPECT_FALSE(each.values.empty()) << full_name(each);
      EXPECT_TRUE(each.description.ends_with('.')) << full_name(each);
      EXPECT_NE(each.default_value.empty(), each.without_default.empty()) << full_name(each);
      EXPECT_EQ(each.default_value.empty(), !each.example.empty()) << full_name(each);
    }
  }
}

TEST(config_reference, names_the_default_that_the_parser_assumes) {
  const auto without = default_daemon_config("host");
  ASSERT_TRUE(without);
  for (const config_key& each : daemon_config_keys()) {
    if (each.default_value.empty()) continue;
    const auto with = parse_daemon_config(file_with(each, each.default_value), "file", "host");
    ASSERT_TRUE(with) << full_name(each) << ": " << with.error().message;
    EXPECT_TRUE(values_of(*with) == values_of(*without)) << full_name(each);
  }
}

TEST(config_reference, gives_examples_that_the_parser_takes) {
  for (const config_key& each : daemon_config_keys()) {
    if (each.example.empty()) continue;
    const auto with = parse_daemon_config(file_with(each, each.example), "file", "host");
    // A certificate alone is refused for its missing key, which shows that it was read.
    const std::string problem = with ? "" : with.error().message;
    EXPECT_THAT(problem, AnyOf("", HasSubstr("go together"))) << full_name(each);
  }
  for (const config_key& each : client_config_keys()) {
    const std::string line = std::string(each.key) + " = " + std::string(each.example) + "\n";
    EXPECT_TRUE(parse_client_config(line, "file")) << full_name(each);
  }
}

TEST(config_reference, prints_each_key_once_as_text_and_as_markdown) {
  const std::string text = config_reference_text(), page = config_reference_markdown();
  const auto times = [](const std::string& all, const std::string& what) {
    std::size_t found = 0;
    for (auto at = all.find(what); at != std::string::npos; at = all.find(what, at + 1)) ++found;
    return found;
  };
  for (const config_key& each : daemon_config_keys()) {
    EXPECT_EQ(times(text, "\n" + full_name(each) + "\n"), 1U) << full_name(each);
    EXPECT_EQ(times(page, "### `" + full_name(each) + "`\n"), 1U) << full_name(each);
  }
  EXPECT_THAT(page, HasSubstr("* Default: `30`."));
  EXPECT_THAT(page, HasSubstr("the file's contents on SIGHUP too"));
}

}  // namespace
}  // namespace peerage
