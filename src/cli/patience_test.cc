// A server that can't do it now is asked again, for as long as the command has.
#include "cli/fixture.h"

namespace peerage::cli {
namespace {

const std::string call = "GET /v1/networks";

TEST_F(command, a_server_that_asks_for_patience_gets_the_same_call_again) {
  const http::header_list soon{{"Retry-After", "0"}};
  for (const int status : {503, 429, 503}) {
    api_.on(call, status, fake_api::problem(status, "not now").body, soon);
  }
  api_.on(call, 200, R"({"items": [], "next_cursor": null})");
  const ran ended = run_command({"networks"});
  EXPECT_EQ(ended.status, 0) << ended.err;
  EXPECT_EQ(api_.calls().size(), 4U);
}

TEST_F(command, one_that_never_can_is_exit_5_and_one_call_at_least) {
  patience_ = milliseconds{700};
  api_.on(call, 503, fake_api::problem(503, "not now").body, {{"Retry-After", "0"}});
  const ran ended = run_command({"networks"});
  EXPECT_EQ(ended.status, 5) << ended.err;
  EXPECT_GT(api_.calls().size(), 1U);
  EXPECT_NE(ended.err.find("not now"), std::string::npos);
  fake_api late;
  environment_["PEERAGE_SERVER"] = late.url();
  late.on(call, 503, fake_api::problem(503, "not now").body, {{"Retry-After", "30"}});
  EXPECT_EQ(run_command({"networks"}).status, 5);
  EXPECT_EQ(late.calls().size(), 1U) << "the wait would be longer than the command has";
}

TEST_F(command, a_refusal_is_not_asked_again) {
  api_.on(call, 403, fake_api::problem(403, "no").body, {{"Retry-After", "0"}});
  EXPECT_EQ(run_command({"networks"}).status, 1);
  EXPECT_EQ(api_.calls().size(), 1U);
}

TEST_F(command, the_status_of_a_peer_is_exit_0_only_while_it_is_live) {
  for (const auto& [state, status] : {std::pair{"live", 0}, {"pending", 3}, {"unknown", 3}}) {
    api_.on("GET /v1/networks/acme/peers/" + std::string(state), 200,
            R"({"name": "a", "state": ")" + std::string(state) + "\"}");
    EXPECT_EQ(run_command({"status", state}).status, status) << state;
  }
}

}  // namespace
}  // namespace peerage::cli
