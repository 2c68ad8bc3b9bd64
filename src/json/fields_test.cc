#include "json/fields.h"

#include <gtest/gtest.h>

#include "model/name.h"

namespace peerage::json {
namespace {

object object_of(std::string_view text) {
  return parse(text).value().as_object();
}

/// What is wrong, as "field: why"; "" where nothing is.
std::string fault_of(std::string_view text, void (*take)(fields&)) {
  const object from = object_of(text);
  fields in(from);
  take(in);
  const auto good = in.finish();
  return good ? "" : good.error().field + ": " + good.error().message;
}

TEST(fields, take_what_is_there) {
  const object from =
      object_of(R"({"t":"x","n":7,"b":true,"l":["a","b"],"z":null,"p":"gw-1","pl":["fra","iad"]})");
  fields in(from);
  EXPECT_EQ(in.text("t"), "x");
  EXPECT_EQ(in.whole("n", 1, 7), 7);
  EXPECT_EQ(in.boolean("b"), true);
  EXPECT_EQ(in.texts("l", 2), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(in.null("z"));
  EXPECT_FALSE(in.null("t"));
  EXPECT_FALSE(in.null("absent"));
  EXPECT_TRUE(in.given("z"));
  EXPECT_FALSE(in.given("absent"));
  EXPECT_EQ(in.required<gateway_name>("p", gateway_name::parse).text(), "gw-1");
  EXPECT_EQ(in.parsed_list<region_name>("pl", 2, region_name::parse)->size(), 2U);
  EXPECT_TRUE(in.finish());
}

TEST(fields, absent_or_null_is_nothing) {
  for (const char* text : {"{}", R"({"a":null})"}) {
    const object from = object_of(text);
    fields in(from);
    EXPECT_FALSE(in.text("a"));
    EXPECT_FALSE(in.whole("a", 0, 9));
    EXPECT_FALSE(in.boolean("a"));
    EXPECT_FALSE(in.texts("a", 9));
    EXPECT_FALSE(in.parsed<gateway_name>("a", gateway_name::parse));
    EXPECT_FALSE(in.parsed_list<gateway_name>("a", 9, gateway_name::parse));
    EXPECT_TRUE(in.finish());
    EXPECT_TRUE(in.required<gateway_name>("a", gateway_name::parse).empty());
    EXPECT_EQ(in.finish().error().message, "is missing");
  }
}

TEST(fields, of_another_type_or_beyond_the_rule_are_faults) {
  EXPECT_EQ(fault_of(R"({"a":1})", [](fields& in) { (void)in.text("a"); }), "a: must be a string");
  for (const char* text : {R"({"a":"1"})", R"({"a":0})", R"({"a":10})", R"({"a":1.5})"}) {
    EXPECT_EQ(fault_of(text, [](fields& in) { (void)in.whole("a", 1, 9); }),
              "a: must be a whole number from 1 to 9");
  }
  EXPECT_EQ(fault_of(R"({"a":1})", [](fields& in) { (void)in.boolean("a"); }),
            "a: must be true or false");
  for (const char* text : {R"({"a":1})", R"({"a":["x","y","z"]})", R"({"a":["x",1]})"}) {
    EXPECT_EQ(fault_of(text, [](fields& in) { (void)in.texts("a", 2); }),
              "a: must be a list of at most 2 strings");
  }
  EXPECT_TRUE(fault_of(R"({"a":["B"]})", [](fields& in) {
                (void)in.parsed_list<region_name>("a", 2, region_name::parse);
              }).starts_with("a: \"B\" must be a DNS label"));
}

TEST(fields, a_whole_number_may_be_written_as_any_number) {
  const auto whole = [](std::string_view number) {
    const object from = object_of(R"({"a":)" + std::string(number) + "}");
    fields in(from);
    const auto read = in.whole("a", -9, 9'007'199'254'740'993);
    return in.finish() ? read : std::nullopt;
  };
  EXPECT_EQ(whole("3600.0"), 3600);
  EXPECT_EQ(whole("3.6e3"), 3600);
  EXPECT_EQ(whole("36000E-1"), 3600);
  EXPECT_EQ(whole("-0.0"), 0);
  EXPECT_EQ(whole("-1e0"), -1);
  EXPECT_EQ(whole("9007199254740992.0"), 9'007'199'254'740'992);
  for (const char* no : {"3600.5", "1e-1", "1e300", "-1e300", "1e999", "-10.0", "0.1e-300",
                         "9007199254740994.0", "\"3600\""}) {
    EXPECT_EQ(whole(no), std::nullopt) << no;
  }
}

TEST(fields, only_the_first_fault_is_told) {
  EXPECT_EQ(fault_of(R"({"a":1,"b":1})",
                     [](fields& in) {
                       in.blame("b", "first");
                       in.blame("a", "second");
                     }),
            "b: first");
}

TEST(fields, that_nobody_asked_for_are_faults) {
  const auto none = [](fields&) {};
  EXPECT_EQ(fault_of(R"({"ttl":1})", none), "ttl: there is no such member");
  EXPECT_EQ(fault_of(R"({"a":1})", [](fields& in) { in.known("a"); }), "");
  const object from = object_of(R"({"ttl":1})");
  fields in(from);
  EXPECT_TRUE(in.finish(unknown_members::allowed));
}

TEST(shortened, is_cut_between_two_characters) {
  EXPECT_EQ(shortened("short"), "short");
  EXPECT_EQ(shortened("ééé", 4), "éé");
  EXPECT_EQ(shortened("ééé", 5), "éé");
  EXPECT_EQ(shortened("\x80\x80\x80", 2), "") << "no character begins there";
}

}  // namespace
}  // namespace peerage::json
