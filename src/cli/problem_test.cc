#include "cli/problem.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/tls.h"

namespace peerage::cli {
namespace {

using testing::HasSubstr;

const attempt tried{.what = "can't do it",
                    .if_missing = "look there",
                    .if_taken = "take another",
                    .if_unknown = "look again"};

http::response refusal(int status, std::string body) {
  return {status, {}, std::move(body)};
}

TEST(problem, a_value_that_breaks_its_rule_has_its_name) {
  EXPECT_EQ(
      refused_by_server(refusal(400, R"({"detail":"must be whole.","field":"ttl_s"})"), tried, "")
          .message,
      "can't do it: ttl_s: must be whole");
  EXPECT_EQ(
      refused_by_server(refusal(400, R"({"detail":"ttl_s is odd","field":"ttl_s"})"), tried, "")
          .message,
      "can't do it: ttl_s is odd");
  EXPECT_EQ(refused_by_server(refusal(409, R"({"detail":"it is taken","field":"name"})"), tried, "")
                .message,
            "can't do it: it is taken; take another");
}

TEST(problem, what_to_do_about_a_name_is_not_said_of_a_key) {
  attempt named = tried;
  named.taken_field = "name";
  EXPECT_EQ(refused_by_server(refusal(409, R"({"detail":"it has that key","field":"public_key"})"),
                              named, "")
                .message,
            "can't do it: it has that key");
  EXPECT_EQ(refused_by_server(refusal(409, R"({"detail":"it is taken","field":"name"})"), named, "")
                .message,
            "can't do it: it is taken; take another");
}

TEST(problem, the_servers_document_and_status_are_kept) {
  const failure said = refused_by_server(refusal(404, R"({"title":"Not there"})"), tried, "");
  EXPECT_EQ(said.status, exit_status::failed);
  EXPECT_EQ(said.http_status, 404);
  EXPECT_EQ(said.message, "can't do it: Not there; look there");
  EXPECT_TRUE(said.problem.has_value());
}

TEST(problem, a_missing_token_is_helped_with) {
  EXPECT_THAT(refused_by_server(refusal(401, R"({"detail":"no token"})"), tried, "set one").message,
              HasSubstr("no token; set one"));
}

TEST(problem, the_hint_fits_what_the_problem_is_about) {
  struct way {
    int status;
    const char* body;
    const char* said;
  };
  const way table[] = {
      {503, R"({"detail":"the store can't do it now"})",
       "the store can't do it now; try again in a moment"},
      {503, R"({"detail":"no gateway is live: no heartbeat in 6 s"})",
       "no gateway is live: no heartbeat in 6 s; try again in a moment; `peerage gateways` shows "
       "which are live"},
      {503, R"({"detail":"the server's disk is full"})",
       "the server's disk is full; free space there: a restart is not needed"},
      {503, R"({"detail":"no gateway takes new peers: all that are live are draining"})",
       "no gateway takes new peers: all that are live are draining; `peerage gateways undrain "
       "NAME` lets one take new peers again"},
      {503, R"({"detail":"no gateway has room for another peer"})",
       "no gateway has room for another peer; remove peers, or start another gateway"},
      {404, R"({"detail":"there is no gateway in region nope","field":"region"})",
       "there is no gateway in region nope; `peerage gateways` shows which there are"},
      {404, R"({"detail":"there is no network x","field":"network"})",
       "there is no network x; `peerage networks` shows which there are"},
      {404, R"({"detail":"there is no peer x","field":"name"})", "there is no peer x; look there"},
      {409, R"({"detail":"there is one; `PUT` changes it, another name too","field":"name"})",
       "there is one; take another"},
      {409, R"({"detail":"it is empty, said so","field":"name"})", "it is empty, said so; fill it"},
  };
  attempt wanted = tried;
  wanted.if_said = {{"is empty", "fill it"}};
  for (const auto& [status, body, said] : table) {
    EXPECT_EQ(refused_by_server(refusal(status, body), wanted, "").message,
              "can't do it: " + std::string(said));
  }
}

TEST(problem, an_answer_that_is_no_problem_document_is_still_a_failure) {
  for (const char* body : {"", "<html>", "[]", "{}", "null", R"({"detail":7})"}) {
    EXPECT_THAT(refused_by_server(refusal(500, body), tried, "").message,
                HasSubstr("the server answered 500 and did not say why"))
        << body;
  }
}

TEST(problem, only_a_server_that_was_not_reached_is_unreachable) {
  struct way {
    errc code;
    exit_status status;
    const char* advice;
  };
  const way table[] = {
      {errc::unavailable, exit_status::unreachable, "--server"},
      {errc::timeout, exit_status::failed, "look again"},
      {errc::outcome_unknown, exit_status::failed, "look again"},
      {errc::corrupt, exit_status::failed, "is http://s a peerage server?"},
  };
  for (const auto& [code, status, advice] : table) {
    const failure said = lost_on_the_way({code, "it\x1b broke", {}}, tried, "http://s");
    EXPECT_EQ(said.status, status);
    EXPECT_THAT(said.message, HasSubstr(advice));
    EXPECT_THAT(said.message, HasSubstr("can't do it: it? broke"));
  }
}

TEST(problem, a_certificate_that_is_refused_is_no_server_that_is_away) {
  const error refused{errc::unavailable, "its certificate has expired; it needs a new one",
                      http::certificate_field};
  const failure said = lost_on_the_way(refused, tried, "https://s");
  EXPECT_EQ(said.status, exit_status::unreachable);
  EXPECT_EQ(said.message, "can't do it: its certificate has expired; it needs a new one");
}

}  // namespace
}  // namespace peerage::cli
