// No secret leaves the places that are made for it.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "base/base64.h"
#include "crypto/x25519.h"
#include "tests/live/daemon.h"
#include "tests/live/secrets.h"
#include "tests/live/wireguard.h"

namespace peerage::live {
namespace {

/// Calls that hold secrets where they are expected, and where they are not.
void make_calls(const daemon_under_test& daemon, secrets& hidden) {
  caller api = daemon.admin();
  api.make_network("acme");
  const std::string key = base64_encode(make_preshared_key().reveal());
  add_key(hidden, "preshared key", key);
  json::object body{{"name", "ci"}, {"public_key", new_public_key()}, {"preshared_key", key}};
  const answer made = api.call("POST", "/v1/networks/acme/peers", body);
  EXPECT_EQ(made.status, 201) << made.text;
  expect_none(hidden, "the answer", made.text);
  EXPECT_EQ(look_at(daemon.interface()).at(made.word("public_key")).preshared_key, key);
  expect_none(hidden, "a GET", api.call("GET", "/v1/networks/acme/peers/ci").text);

  const json::object wanted{{"scopes", json::array{"peers:write"}}, {"network", "acme"}};
  const std::string token = api.call("POST", "/v1/tokens", wanted).word("token");
  add_token(hidden, "new token", token);
  expect_none(hidden, "the tokens", api.call("GET", "/v1/tokens").text);
  caller other(daemon.url(), token);
  EXPECT_EQ(other.enrol("acme", "other", new_public_key()).status, 201);

  hidden["wrong preshared key"] = {"bWlzdGFrZW4ta2V5LW9mLXNvbWVib2R5"};
  body["name"] = "wrong";
  body["preshared_key"] = hidden["wrong preshared key"][0];
  const answer refused = api.call("POST", "/v1/networks/acme/peers", body);
  EXPECT_EQ(refused.status, 400) << refused.text;
  expect_none(hidden, "a refusal", refused.text);
  hidden["wrong token"] = {"mistaken-token-of-somebody-else"};
  caller stranger(daemon.url(), hidden["wrong token"][0]);
  const answer denied = stranger.call("GET", "/v1/networks");
  EXPECT_EQ(denied.status, 401) << denied.text;
  expect_none(hidden, "a denial", denied.text);
}

TEST(secrets, are_in_no_log_no_argument_no_answer_and_no_metric) {
  daemon_under_test daemon({.log_level = "debug"});
  daemon.settle();
  secrets hidden;
  add_token(hidden, "admin token", daemon.admin_token());
  add_key(hidden, "gateway's private key", first_line(daemon.state_dir() + "/gateway.key"));
  make_calls(daemon, hidden);
  ASSERT_EQ(hidden.size(), 6U);

  caller api = daemon.admin();
  expect_none(hidden, "the metrics", api.call("GET", "/metrics").text);
  for (const char* const target : {"/readyz", "/v1/gateways", "/v1/networks", "/v1/audit"}) {
    expect_none(hidden, target, api.call("GET", target).text);
  }
  expect_processes_tell_none(hidden);
  ASSERT_EQ(daemon.stop(), 0);
  const std::string log = text_of_file(daemon.log_file());
  EXPECT_NE(log.find("stopped"), std::string::npos) << "the whole log was read";
  expect_none(hidden, "the log", log);
  expect_none(hidden, "wireguard-go's log", text_of_file(daemon.state_dir() + "/wireguard-go.log"));
  int days = 0;
  for (const auto& each : std::filesystem::directory_iterator(daemon.state_dir() + "/audit")) {
    const std::string lines = text_of_file(each.path());
    EXPECT_NE(lines.find("\"created\""), std::string::npos) << "it is the audit";
    expect_none(hidden, "the audit", lines);
    ++days;
  }
  EXPECT_GE(days, 1);
  // The store keeps a token's hash alone.
  for (const char* const file : {"/peerage.db", "/peerage.db-wal"}) {
    const std::string bytes = text_of_file(daemon.state_dir() + file);
    expect_none({{"admin token", hidden["admin token"]}, {"new token", hidden["new token"]}}, file,
                bytes);
  }
}

TEST(secrets, files_are_the_owners_alone) {
  daemon_under_test daemon;
  daemon.settle();
  caller api = daemon.admin();
  api.make_network("acme");
  ASSERT_EQ(api.enrol("acme", "ci", new_public_key()).status, 201);
  struct stat seen{};
  ASSERT_EQ(::stat(daemon.state_dir().c_str(), &seen), 0);
  EXPECT_EQ(seen.st_mode & 07777U, 0700U);
  int files = 0;
  for (const auto& each : std::filesystem::recursive_directory_iterator(daemon.state_dir())) {
    ASSERT_EQ(::lstat(each.path().c_str(), &seen), 0);
    EXPECT_EQ(seen.st_mode & 07777U, S_ISDIR(seen.st_mode) ? 0700U : 0600U) << each.path();
    ++files;
  }
  EXPECT_GE(files, 4) << "database, key, token, lock";
}

}  // namespace
}  // namespace peerage::live
