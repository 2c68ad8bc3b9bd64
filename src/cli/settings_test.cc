#include "cli/settings.h"

#include <unistd.h>

#include "cli/commands.h"
#include "cli/fixture.h"
#include "http/unix_socket.h"

namespace peerage::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

class found_settings : public command {
 protected:
  found_settings() {
    environment_.clear();
    environment_["HOME"] = folder_;
  }

  answer<settings> find(std::vector<std::string> flags) {
    flags.insert(flags.begin(), "list");
    const auto asked = parse_arguments(flags, commands());
    std::istringstream in;
    std::ostringstream out;
    const surroundings world{.in = in,
                             .out = out,
                             .err = out,
                             .environment = environment_,
                             .now = [] { return wall_time{}; },
                             .admin_token_file = path("admin-token"),
                             .proc_net = path("proc")};
    return find_settings(asked.value(), world);
  }
};

TEST_F(found_settings, flags_go_before_environment_before_file_before_defaults) {
  EXPECT_EQ(find({})->server, "http://127.0.0.1:7420");
  EXPECT_EQ(find({})->network, "");
  write(".config/peerage/config.toml", "server = \"http://a:1\"\nnetwork = \"na\"\n");
  EXPECT_EQ(find({})->server, "http://a:1");
  EXPECT_EQ(find({})->network, "na");
  environment_["PEERAGE_SERVER"] = "http://b:1/";
  environment_["PEERAGE_NETWORK"] = "nb";
  EXPECT_EQ(find({})->server, "http://b:1");
  EXPECT_EQ(find({})->network, "nb");
  EXPECT_EQ(find({"--server", "http://c:1"})->server, "http://c:1");
  EXPECT_EQ(find({"--network", "nc"})->network, "nc");
  environment_["PEERAGE_SERVER"] = "";
  EXPECT_EQ(find({})->server, "http://a:1") << "an empty variable is none";
}

TEST_F(found_settings, the_files_authority_is_for_servers_that_need_one) {
  write(".config/peerage/config.toml", "server = \"https://a\"\nca_file = \"/ca.pem\"\n");
  EXPECT_EQ(find({})->ca_file, "/ca.pem");
  EXPECT_EQ(find({"--server", "unix:/run/api.sock"})->ca_file, "");
  EXPECT_EQ(find({"--server", "http://127.0.0.1:7420"})->ca_file, "");
  EXPECT_EQ(find({"--server", "unix:/run/api.sock", "--ca-file", "/x"})->ca_file, "/x")
      << "what was asked for by name is told to be of no use";
}

TEST_F(found_settings, the_token_comes_from_the_first_place_that_has_one) {
  write("admin-token", "of-the-daemon\n");
  EXPECT_EQ(find({})->token.reveal(), "of-the-daemon");
  write(".config/peerage/config.toml", "token_file = \"~/t\"\n");
  write("t", "of-the-config\r\n");
  EXPECT_EQ(find({})->token.reveal(), "of-the-config");
  environment_["PEERAGE_TOKEN"] = "of-the-environment";
  EXPECT_EQ(find({})->token.reveal(), "of-the-environment");
  write("f", "of-the-flag");
  EXPECT_EQ(find({"--token-file", path("f")})->token.reveal(), "of-the-flag");
}

TEST_F(found_settings, the_daemons_token_goes_to_the_default_url_alone) {
  write("admin-token", "of-the-daemon\n");
  EXPECT_EQ(find({"--server", "http://127.0.0.1:7420/"})->token.reveal(), "of-the-daemon");
  const auto named = find({"--server", "http://localhost:7420"});
  EXPECT_EQ(named->token.reveal(), "of-the-daemon");
  EXPECT_EQ(named->server, "http://127.0.0.1:7420") << "whatever the name leads to";
  for (const char* other :
       {"http://127.0.0.1:7421", "http://127.0.0.2:7420", "http://localhost:7421"}) {
    EXPECT_TRUE(find({"--server", other})->token.empty()) << other;
    EXPECT_THAT(find({"--server", other})->token_note, HasSubstr("PEERAGE_TOKEN"));
  }
}

TEST_F(found_settings, a_socket_in_the_state_dir_is_the_default_and_has_the_daemons_token) {
  write("admin-token", "of-the-daemon\n");
  const std::string socket = "unix:" + path("peerage.sock");
  EXPECT_EQ(find({"--server", socket})->token.reveal(), "of-the-daemon");
  EXPECT_TRUE(find({"--server", "unix:/tmp/peerage.sock"})->token.empty());
  EXPECT_FALSE(find({"--server", "unix:peerage.sock"}).has_value());
  write("peerage.sock", "no socket");
  EXPECT_EQ(find({})->server, "http://127.0.0.1:7420");
  std::filesystem::remove(path("peerage.sock"));
  const int listening = http::listen_on_unix(path("peerage.sock")).value();
  EXPECT_EQ(find({})->server, socket);
  EXPECT_EQ(find({})->token.reveal(), "of-the-daemon");
  ::close(listening);
}

TEST_F(found_settings, no_token_goes_to_another_user_who_listens_at_the_default_url) {
  write("admin-token", "of-the-daemon\n");
  write("proc/tcp", "names\n   0: 0100007F:1CFC 00000000:0000 0A 0:0 00:0 0 65534 0 1\n");
  for (const std::vector<std::string>& flags :
       {std::vector<std::string>{}, {"--server", "http://127.0.0.1:7420"}}) {
    const auto refused = find(flags);
    ASSERT_FALSE(refused.has_value());
    EXPECT_THAT(refused.error().message, HasSubstr("user 65534 of this host listens"));
  }
  environment_["PEERAGE_TOKEN"] = "mine";
  EXPECT_FALSE(find({}).has_value());
  EXPECT_EQ(find({"--server", "http://127.0.0.1:7420"})->token.reveal(), "mine")
      << "named, and the token is not the daemon's";
  write("proc/tcp", "names\n   0: 0100007F:1CFC 00000000:0000 0A 0:0 00:0 0 0 0 1\n");
  EXPECT_EQ(find({})->token.reveal(), "mine");
}

TEST_F(found_settings, a_file_that_is_no_token_is_refused_and_not_repeated) {
  for (const char* text : {"", "\n", "two words", "line\nX-Header: y", "\x01\x02", "gr\xc3\xbc"}) {
    write("t", text);
    const auto refused = find({"--token-file", path("t")});
    ASSERT_FALSE(refused.has_value()) << text;
    EXPECT_EQ(refused.error().status, exit_status::usage);
    EXPECT_THAT(refused.error().message, Not(HasSubstr("words")));
  }
  EXPECT_FALSE(find({"--token-file", path("none")}).has_value());
  write("t", std::string(4097, 'x'));
  EXPECT_FALSE(find({"--token-file", path("t")}).has_value());
}

TEST_F(found_settings, a_token_that_others_read_is_told) {
  write("t", "mine");
  std::filesystem::permissions(path("t"), std::filesystem::perms(0600));
  EXPECT_EQ(find({"--token-file", path("t")})->warning, "");
  for (const unsigned mode : {0644U, 0606U, 0620U}) {
    std::filesystem::permissions(path("t"), std::filesystem::perms(mode));
    const auto found = find({"--token-file", path("t")});
    EXPECT_EQ(found->token.reveal(), "mine");
    EXPECT_THAT(found->warning, HasSubstr("chmod 600 " + path("t")));
  }
}

TEST_F(found_settings, a_config_file_with_a_mistake_is_named) {
  write(".config/peerage/config.toml", "sever = \"x\"\n");
  const auto refused = find({});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().status, exit_status::usage);
  EXPECT_THAT(refused.error().message,
              HasSubstr("config.toml:1: unknown key sever; did you mean server?"));
}

}  // namespace
}  // namespace peerage::cli
