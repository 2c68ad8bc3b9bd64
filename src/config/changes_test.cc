#include <gmock/gmock.h>

#include "config/config.h"

namespace peerage {
namespace {

using testing::ElementsAre;

std::vector<std::string> changed(const std::string& before, const std::string& after) {
  const auto read = [](const std::string& text) {
    return text.empty() ? default_daemon_config("host").value()
                        : parse_daemon_config(text, "a.toml", "host").value();
  };
  return changed_keys(read(before), read(after));
}

TEST(changed_keys, are_those_whose_values_differ) {
  const std::string before =
      "state_dir = \"/a\"\n[api]\nlisten = \"127.0.0.1:1\"\nrequests = 5\n[gateway]\n";
  EXPECT_THAT(changed(before, before), ElementsAre());
  EXPECT_THAT(changed(before, "# moved\n" + before + "\n"), ElementsAre());
  EXPECT_THAT(changed(before, "state_dir = \"/b\"\n[api]\nrequests = 6\n[gateway]\n"),
              ElementsAre("api.listen", "api.requests", "state_dir"));
  const auto open = [](const std::string& ports) {
    return "[api]\n[gateway]\nopen = [" + ports + "]\n";
  };
  EXPECT_THAT(changed(open("\"udp/53\""), open("\"udp/54\"")), ElementsAre("gateway.open"));
  EXPECT_THAT(changed("", before), ElementsAre("api.listen", "api.requests", "state_dir"));
}

TEST(changed_keys, a_default_that_is_spelled_out_is_no_change) {
  EXPECT_THAT(changed("", "[api]\n[gateway]\n[store]\n[bus]\n"), ElementsAre());
  EXPECT_THAT(changed("",
                      "state_dir = \"/var/lib/peerage\"\nuser = \"peerage\"\n"
                      "[store]\nkind = \"sqlite\"\npath = \"/var/lib/peerage/peerage.db\"\n"
                      "[bus]\nkind = \"local\"\n"
                      "[api]\nlisten = \"127.0.0.1:7420\"\naudit_keep_days = 90\n"
                      "audit_max_mb = 1000\nplain_http = false\nconnections = 4096\n"
                      "[gateway]\nname = \"host\"\nregion = \"local\"\nreconcile_s = 30\n"
                      "interface = \"wg0\"\nlisten_port = 51820\ndevice = \"auto\"\n"
                      "forwarding = \"tell\"\nopen = []\n"
                      "private_key_file = \"/var/lib/peerage/gateway.key\"\n"),
              ElementsAre());
  EXPECT_THAT(changed("state_dir = \"/a\"\n[api]\n[gateway]\n",
                      "state_dir = \"/a\"\n[api]\naudit_dir = \"/a/audit\"\n[gateway]\n"),
              ElementsAre());
}

TEST(changed_keys, a_role_that_comes_is_one_change) {
  const std::string store = "[store]\nkind = \"consul\"\n[bus]\nkind = \"nats\"\n[api]\n";
  EXPECT_THAT(changed(store, store + "[gateway]\nlisten_port = 1\n"), ElementsAre("gateway"));
}

}  // namespace
}  // namespace peerage
