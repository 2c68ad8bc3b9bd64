#include "consul/codec.h"

#include <gtest/gtest.h>

#include <vector>

#include "json/json.h"

namespace peerage::consul {
namespace {

TEST(txn, is_written_with_what_each_verb_takes) {
  const std::vector<operation> all{
      {verb::set, "a", "v", 3, 9},         {verb::cas, "b", "", 2, 7},
      {verb::remove, "c", "v", 3, 9},      {verb::remove_cas, "d", "v", 3, 7},
      {verb::remove_tree, "e/", {}, 0, 0}, {verb::check_index, "f", "v", 3, 7},
      {verb::get, "g", "v", 3, 9},
  };
  EXPECT_EQ(write_txn(all), R"([{"KV":{"Verb":"set","Key":"a","Value":"dg==","Flags":3}},)"
                            R"({"KV":{"Verb":"cas","Key":"b","Value":"","Flags":2,"Index":7}},)"
                            R"({"KV":{"Verb":"delete","Key":"c"}},)"
                            R"({"KV":{"Verb":"delete-cas","Key":"d","Index":7}},)"
                            R"({"KV":{"Verb":"delete-tree","Key":"e/"}},)"
                            R"({"KV":{"Verb":"check-index","Key":"f","Index":7}},)"
                            R"({"KV":{"Verb":"get","Key":"g"}}])");
}

TEST(txn, tells_what_was_done) {
  const auto answer = read_txn(R"({"Results":[{"KV":{"Key":"a","Flags":3,"ModifyIndex":7}},)"
                               R"({"KV":{"Key":"b","Flags":0,"ModifyIndex":7,"Value":"dg=="}}],)"
                               R"("Errors":null})");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_TRUE(answer->refusals.empty());
  ASSERT_EQ(answer->results.size(), 2U);
  EXPECT_EQ(answer->results[0].key, "a");
  EXPECT_EQ(answer->results[0].flags, 3U);
  EXPECT_EQ(answer->results[0].index, 7U);
  EXPECT_EQ(answer->results[1].value, "v");
}

TEST(txn, may_have_one_list_alone) {
  EXPECT_TRUE(read_txn(R"({"Errors":null})"));
  EXPECT_TRUE(read_txn(R"({"Results":[]})"));
}

TEST(txn, tells_what_stood_in_the_way) {
  const auto answer =
      read_txn(R"({"Results":null,"Errors":[{"OpIndex":2,"What":"stale"},{"OpIndex":3}]})");
  ASSERT_TRUE(answer);
  ASSERT_EQ(answer->refusals.size(), 2U);
  EXPECT_EQ(answer->refusals[0].operation, 2U);
  EXPECT_EQ(answer->refusals[0].why, "stale");
  EXPECT_EQ(answer->refusals[1].why, "");
}

TEST(answers, that_are_none_are_corrupt) {
  for (const char* text : {"", "[]", "{}", R"({"Results":[1]})", R"({"Results":[{}]})",
                           R"({"Results":[{"KV":{}}]})", R"({"Errors":[1]})", R"({"Errors":[{}]})",
                           R"({"Errors":[{"OpIndex":-1}]})", R"({"Errors":[{"OpIndex":"1"}]})"}) {
    const auto read = read_txn(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, errc::corrupt) << text;
  }
  const std::string whole = R"("Key":"a","Flags":0,"ModifyIndex":7)";
  for (const std::string& text :
       {std::string(""), std::string("{}"), std::string("[1]"),
        std::string(R"([{"Key":1,"Flags":0,"ModifyIndex":7}])"),
        std::string(R"([{"Key":"a","ModifyIndex":7}])"),
        std::string(R"([{"Key":"a","Flags":0,"ModifyIndex":1.5}])"),
        "[{" + whole + R"(,"Value":1}])", "[{" + whole + R"(,"Value":"d"}])",
        "[{" + whole + R"(,"Value":"d==="}])", "[{" + whole + R"(,"Value":"dg=g"}])"}) {
    const auto read = read_entries(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, errc::corrupt) << text;
  }
  for (const char* text : {"", "{}", "[1]"}) EXPECT_FALSE(read_keys(text)) << text;
}

TEST(answers, list_entries_and_keys) {
  const auto entries =
      read_entries(R"([{"Key":"a","Flags":0,"ModifyIndex":7,"Value":null,"Session":"x"},)"
                   R"({"Key":"b","Flags":18446744073709551615,"ModifyIndex":8,"Value":"AP8="}])");
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 2U);
  EXPECT_EQ(entries->at(0).value, "");
  EXPECT_EQ(entries->at(1).value, std::string("\0\xff", 2));
  EXPECT_EQ(entries->at(1).flags, ~std::uint64_t{0});
  EXPECT_EQ(read_keys(R"(["a","b/c"])"), (std::vector<std::string>{"a", "b/c"}));
}

TEST(error_of, says_what_the_caller_may_do) {
  struct row {
    int status;
    const char* body;
    bool writing;
    errc expected;
  };
  for (const auto& [status, body, writing, expected] : {
           row{403, "", false, errc::denied},
           row{500, "rpc error: Permission denied", true, errc::denied},
           row{429, "", true, errc::unavailable},
           row{503, "", true, errc::unavailable},
           row{500, "anything", false, errc::unavailable},
           row{500, "No cluster leader", true, errc::unavailable},
           row{500, "timed out enqueuing operation", true, errc::unavailable},
           row{500, "leadership lost while committing log", true, errc::outcome_unknown},
           row{400, "bad", true, errc::corrupt},
       }) {
    EXPECT_EQ(error_of(status, body, writing).code, expected) << status << " " << body;
  }
  EXPECT_LT(error_of(500, std::string(10'000, 'x'), false).message.size(), 300U);
}

TEST(marks, tell_commits_of_one_index_apart) {
  const auto flags = write_flags({.nonce = 5, .slot = 3, .closing = false});
  EXPECT_NE(flags, write_flags({.nonce = 6, .slot = 3, .closing = false}));
  const entry one{"k", "", flags, 9};
  EXPECT_FALSE(closing(one));
  EXPECT_TRUE(closing({"k", "", write_flags({.nonce = 5, .slot = 3, .closing = true}), 9}));
  EXPECT_EQ(revision_of(one), revision_of(9, 3));
  EXPECT_LT(revision_of(one).number, last_revision_of(9).number);
  EXPECT_LT(last_revision_of(9).number, revision_of(10, 0).number);
  EXPECT_EQ(index_of(last_revision_of(9)), 9U);
}

}  // namespace
}  // namespace peerage::consul
