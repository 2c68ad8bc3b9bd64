// What clients write in different ways, and what the API makes of it.
#include <gmock/gmock.h>

#include "api/fixture.h"

namespace peerage {
namespace {

struct headers : api_fixture {
  headers() { make_network("acme"); }

  api_answer ask_with(std::string_view authorization) {
    http::request request;
    request.method = "GET";
    request.path = "/v1/networks";
    request.headers.emplace_back("Authorization", authorization);
    return send(std::move(request));
  }
  api_answer enrol_encoded(const http::header_list& encodings) {
    http::request request;
    request.method = "POST";
    request.path = "/v1/networks/acme/peers";
    request.headers = encodings;
    request.headers.emplace_back("Authorization", "Bearer " + admin());
    request.headers.emplace_back("Content-Type", "application/json");
    request.body = peer_body("", ++keys_);
    return send(std::move(request));
  }

 private:
  std::uint32_t keys_ = 0;
};

TEST_F(headers, a_token_may_follow_any_number_of_spaces) {
  EXPECT_EQ(ask_with("Bearer " + admin()).status, 200);
  EXPECT_EQ(ask_with("Bearer    " + admin()).status, 200);
  EXPECT_EQ(ask_with("bearer  " + admin()).status, 200);
  EXPECT_EQ(ask_with("Bearer" + admin()).status, 401);
  EXPECT_EQ(ask_with("Bearer   ").status, 401);
  EXPECT_EQ(ask_with("Bearer " + admin() + " x").status, 401);
}

TEST_F(headers, an_encoded_body_is_415) {
  EXPECT_EQ(enrol_encoded({{"Content-Encoding", "identity"}}).status, 201);
  EXPECT_EQ(enrol_encoded({{"content-encoding", "Identity"}}).status, 201);
  const auto refused = enrol_encoded({{"Content-Encoding", "gzip"}});
  EXPECT_EQ(refused.status, 415);
  EXPECT_EQ(refused.raw.header("Accept-Encoding"), "identity");
  EXPECT_THAT(refused.at("detail"), testing::HasSubstr("Content-Encoding"));
  EXPECT_EQ(enrol_encoded({{"Content-Encoding", "identity, gzip"}}).status, 415);
  const http::header_list twice = {{"Content-Encoding", "identity"}, {"Content-Encoding", "br"}};
  EXPECT_EQ(enrol_encoded(twice).status, 415);
}

TEST_F(headers, a_whole_number_may_be_written_with_a_point) {
  EXPECT_EQ(enrol("ci-1", 1, R"("ttl_s": 3600.0)").status, 201);
  EXPECT_EQ(enrol("ci-2", 2, R"("ttl_s": 3.6e3)").status, 201);
  const auto half = enrol("ci-3", 3, R"("ttl_s": 3600.5)");
  EXPECT_EQ(half.status, 400);
  EXPECT_EQ(half.at("field"), "ttl_s");
}

TEST_F(headers, the_servers_own_options_are_its_methods) {
  const auto answer = ask_as("", "OPTIONS", "*");
  EXPECT_EQ(answer.status, 204);
  EXPECT_EQ(answer.raw.header("Allow"), "GET, HEAD, POST, PUT, DELETE, OPTIONS");
}

}  // namespace
}  // namespace peerage
