#include "json/json.h"

#include <gtest/gtest.h>

namespace peerage::json {
namespace {

TEST(json, refuses_what_is_not_one_value) {
  for (const char* text : {"", "{", "{}x", "{}{}", "nul", "{\"a\":1,}", "[1,]", "\"\xff\"", "'a'",
                           "{\"a\":01}", "// c\n{}", "\"\\ud800\""}) {
    EXPECT_FALSE(parse(text)) << text;
  }
  EXPECT_TRUE(parse(" {\"a\": [1, null]}\n"));
}

TEST(json, refuses_two_members_of_one_name_at_any_depth) {
  const auto twice = parse(R"({"a": {"b": 1, "c": 2, "b": 3}})");
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().field, "b");
  EXPECT_FALSE(parse(R"({"a": 1, "\u0061": 2})")) << "the same name, written in two ways";
  EXPECT_FALSE(parse(R"({"": 1, "": 2})"));
  EXPECT_TRUE(parse(R"([{"a": 1}, {"a": 1}])"));
}

TEST(json, refuses_what_is_nested_too_deep) {
  EXPECT_TRUE(parse("[[[]]]", 4));
  EXPECT_FALSE(parse("[[[[[[[[]]]]]]]]", 4));
  EXPECT_FALSE(parse(std::string(100'000, '[')));
}

TEST(json, what_was_printed_reads_as_the_same) {
  for (const char* text : {"-1e-400", "-0.0", "[1e23,5e-324,0.1]", "18446744073709551615",
                           "[1e400,-1e400]", "[0e999999]"}) {
    const std::string once = serialize(*parse(text));
    EXPECT_EQ(serialize(*parse(once)), once) << text;
  }
}

TEST(json, prints_text_that_needs_escapes) {
  for (const char* text :
       {R"("\"")", R"("\\")", R"("\n")", R"("\u007f")", R"("\u0001")", R"("é")"}) {
    const value read = *parse(text);
    EXPECT_EQ(*parse(serialize(read)), read) << text;
  }
}

TEST(json, prints_for_people) {
  EXPECT_EQ(pretty(*parse(R"({"a":[1,"x"],"b":{},"c":[]})")),
            "{\n  \"a\": [\n    1,\n    \"x\"\n  ],\n  \"b\": {},\n  \"c\": []\n}");
}

TEST(json, prints_on_one_line_with_numbers_as_people_write_them) {
  EXPECT_EQ(serialize(*parse(R"({"a": [0.754, 1.5e0, -3, 1e300], "b": {}})")),
            R"({"a":[0.754,1.5,-3,1e+300],"b":{}})");
}

}  // namespace
}  // namespace peerage::json
