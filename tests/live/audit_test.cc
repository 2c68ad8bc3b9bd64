// The audit of a real daemon: on its disk, over restarts, and shown by the command.
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/live/daemon.h"

namespace peerage::live {
namespace {

std::string entry(const json::value& one) {
  const auto& of = one.as_object();
  const auto text = [&of](const char* name) {
    const auto* found = of.at(name).if_string();
    return found != nullptr ? std::string(*found) : std::string();
  };
  return text("did") + " " + text("network") + "/" + text("peer") + " from " + text("remote");
}

TEST(audit, outlives_the_daemon_and_tells_who_did_what) {
  daemon_under_test daemon;
  daemon.settle();
  caller admin = daemon.admin();
  admin.make_network("acme");
  const json::object wish{{"scopes", json::array{"peers:write"}}, {"network", "acme"}};
  const answer token = admin.call("POST", "/v1/tokens", wish);
  caller ci(daemon.url(), token.word("token"));
  ASSERT_EQ(ci.enrol("acme", "one", new_public_key()).status, 201);
  const json::object rekey{{"public_key", new_public_key()}};
  ASSERT_EQ(ci.call("PUT", "/v1/networks/acme/peers/one", rekey).status, 200);
  ASSERT_EQ(admin.call("DELETE", "/v1/networks/acme/peers/one").status, 204);
  ASSERT_EQ(ci.call("POST", "/v1/networks", json::object{{"name", "mine"}}).status, 403);
  // A look finds all that was noted before it, on the disk.
  ASSERT_EQ(admin.call("GET", "/v1/audit").status, 200);
  daemon.kill();
  daemon.settle();

  caller again = daemon.admin();
  const answer page = again.call("GET", "/v1/audit?limit=4");
  ASSERT_EQ(page.status, 200) << page.text;
  const auto& items = page["items"].as_array();
  ASSERT_EQ(items.size(), 4U);
  EXPECT_EQ(entry(items[0]), "refused / from 127.0.0.1");
  EXPECT_EQ(entry(items[1]), "removed acme/one from 127.0.0.1");
  EXPECT_EQ(entry(items[2]), "rekeyed acme/one from 127.0.0.1");
  EXPECT_EQ(entry(items[3]), "created acme/one from 127.0.0.1");
  EXPECT_EQ(items[2].at("token"), token["id"]);
  EXPECT_EQ(items[2].at("public_key"), rekey.at("public_key"));
  EXPECT_EQ(items[1].at("token").as_string(), daemon.admin_token().substr(4, 10));
  EXPECT_EQ(page["lost"], 0);
  const finished shown = run(daemon.peerage({"audit", "--limit", "3"}));
  EXPECT_EQ(shown.status, 0) << shown.err;
  EXPECT_NE(shown.out.find("rekeyed"), std::string::npos) << shown.out;
  EXPECT_EQ(shown.out.find("created"), std::string::npos) << shown.out;
}

}  // namespace
}  // namespace peerage::live
