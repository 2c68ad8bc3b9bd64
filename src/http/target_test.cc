#include "http/target.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cctype>
#include <stdexcept>

namespace peerage::http {
namespace {

using testing::ElementsAre;
using testing::Pair;

TEST(percent, decodes_and_refuses_bad_escapes_nul_and_what_is_not_utf8) {
  EXPECT_EQ(percent_decode("a%20b+%2f%C3%bc"), "a b+/ü");
  EXPECT_EQ(percent_decode(""), "");
  for (const char* text :
       {"%", "%2", "%2g", "%g2", "a%", "%00", "%ff", "%c0%80", "%c3", "\xc3", "%ed%a0%80",
        "%f4%90%80%80", "%e0%80%80", "%80", "% 2", "%f0%80%80%80", "%f5%80%80%80"}) {
    EXPECT_FALSE(percent_decode(text)) << text;
  }
  for (const char* text :
       {"%f4%8f%bf%bf", "%f0%90%80%80", "%e0%a0%80", "%ed%9f%bf", "%f1%80%80%80"})
    EXPECT_TRUE(percent_decode(text)) << text;
}

TEST(percent, encodes_what_decodes_to_the_same) {
  EXPECT_EQ(percent_encode("a b/%ü~"), "a%20b%2F%25%C3%BC~");
  EXPECT_EQ(percent_decode(percent_encode("a b/%ü~?&=")), "a b/%ü~?&=");
}

TEST(percent, leaves_letters_digits_and_four_marks_alone) {
  for (int code = 1; code < 128; ++code) {
    const std::string one(1, static_cast<char>(code));
    const bool plain = std::isalnum(code) != 0 || one.find_first_of("-._~") == 0;
    EXPECT_EQ(percent_encode(one) == one, plain) << code;
  }
}

TEST(target, is_a_path_or_a_url) {
  struct {
    const char* text;
    const char* path;
    const char* query;
  } const table[] = {
      {"/", "/", ""},           {"/a/b?c=d?e", "/a/b", "c=d?e"},
      {"/a?", "/a", ""},        {"http://host:80/a?b", "/a", "b"},
      {"HTTP://host", "/", ""}, {"https://host?b", "/", "b"},
      {"/a://b", "/a://b", ""},
  };
  for (const auto& row : table) {
    const auto split = split_target(row.text);
    ASSERT_TRUE(split) << row.text;
    EXPECT_EQ(split->path, row.path);
    EXPECT_EQ(split->query, row.query);
  }
  for (const char* text : {"", "*", "host:80", "a/b", "ftp://host/", "http:///a", "/a#b", "/a b",
                           "/\x7f", "/\xc3\xbc", "?a"}) {
    EXPECT_FALSE(split_target(text)) << text;
  }
}

TEST(path, is_split_before_it_is_decoded) {
  EXPECT_THAT(*split_path("/v1/a%2Fb/"), ElementsAre("v1", "a/b", ""));
  EXPECT_THAT(*split_path("/"), ElementsAre(""));
  EXPECT_FALSE(split_path("/a/%zz"));
  EXPECT_FALSE(split_path("a"));
}

TEST(query, is_names_and_values_in_order) {
  EXPECT_THAT(*parse_query("limit=5&cursor=a%3Db=c&&x"),
              ElementsAre(Pair("limit", "5"), Pair("cursor", "a=b=c"), Pair("x", "")));
  EXPECT_TRUE(parse_query("")->empty());
}

TEST(query, refuses_a_name_that_is_there_twice) {
  EXPECT_FALSE(parse_query("%zz=1"));
  EXPECT_EQ(parse_query("a=%zz").error().field, "a");
  const auto twice = parse_query("limit=5&x=1&%6cimit=6");
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().field, "limit");
  EXPECT_EQ(parse_query("a=1&b=%zz").error().field, "b");
}

class routes : public testing::Test {
 protected:
  routes() {
    table.add("GET", "/v1/networks", 0);
    table.add("POST", "/v1/networks", 1);
    table.add("PUT", "/v1/networks/{network}/peers/{name}", 2);
    table.add("DELETE", "/v1/networks/{network}/peers/{name}", 3);
    table.add("GET", "/v1/{any}/special", 4);
  }
  route_match find(std::string_view method, std::string_view path) {
    return table.find(method, path).value();
  }
  route_table table;
};

TEST_F(routes, captures_segments_in_order) {
  const auto found = std::get<route_found>(find("DELETE", "/v1/networks/acme/peers/ci%2D1"));
  EXPECT_EQ(found.route, 3U);
  EXPECT_THAT(found.captured, ElementsAre("acme", "ci-1"));
}

TEST_F(routes, tells_an_unknown_path_from_a_wrong_method) {
  for (const char* path :
       {"/", "/v1", "/v1/networks/", "/v1/networks/acme", "/v1//special",
        "/v1/networks/acme/peers/x/y", "/v1/networks//peers/x", "/V1/networks"}) {
    EXPECT_TRUE(std::holds_alternative<route_not_found>(find("GET", path))) << path;
  }
  EXPECT_EQ(std::get<method_not_allowed>(find("PATCH", "/v1/networks")).allowed, "GET, HEAD, POST");
  EXPECT_EQ(std::get<method_not_allowed>(find("get", "/v1/networks")).allowed, "GET, HEAD, POST");
  EXPECT_EQ(std::get<method_not_allowed>(find("GET", "/v1/networks/a/peers/b")).allowed,
            "DELETE, PUT");
}

TEST_F(routes, head_is_get) {
  EXPECT_EQ(std::get<route_found>(find("HEAD", "/v1/networks")).route, 0U);
}

TEST_F(routes, a_literal_that_leads_nowhere_gives_way_to_a_capture) {
  const auto found = std::get<route_found>(find("GET", "/v1/networks/special"));
  EXPECT_EQ(found.route, 4U);
  EXPECT_THAT(found.captured, ElementsAre("networks"));
}

TEST_F(routes, a_path_that_can_not_be_decoded_is_invalid) {
  EXPECT_EQ(table.find("GET", "/v1/%00/special").error().code, errc::invalid);
}

TEST_F(routes, two_of_the_same_are_a_bug) {
  EXPECT_THROW(table.add("PUT", "/v1/networks/{x}/peers/{y}", 9), std::logic_error);
  EXPECT_THROW(table.add("PUT", "v1", 9), std::logic_error);
  for (const char* pattern : {"/v1/a{b}", "/v1/{ab", "/v1/ab}", "/v1/{}"})
    EXPECT_THROW(table.add("PUT", pattern, 9), std::logic_error) << pattern;
}

}  // namespace
}  // namespace peerage::http
