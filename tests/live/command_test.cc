// The real command against the real daemon.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <regex>

#include "base/base64.h"
#include "crypto/x25519.h"
#include "tests/live/daemon.h"
#include "tests/live/wireguard.h"

namespace peerage::live {
namespace {

json::value parsed(const finished& end) {
  auto read = json::parse(end.out);
  EXPECT_TRUE(read) << end.out << end.err;
  return read.value_or(nullptr);
}

/// The public key that belongs to a wg-quick file, after wg-quick itself has read it.
std::string public_key_of(const std::string& file) {
  const std::string stripped = must_run({"wg-quick", "strip", file});
  std::smatch found;
  if (!std::regex_search(stripped, found, std::regex("PrivateKey ?= ?(\\S+)"))) return {};
  const auto key = parse_secret_key(found[1].str());
  return key ? public_of(*key).text() : "";
}

class command : public testing::Test {
 protected:
  void SetUp() override { daemon_.settle(); }
  finished peerage(std::vector<std::string> arguments) {
    return run(daemon_.peerage(std::move(arguments)), 20s);
  }
  std::string file(const std::string& name) const { return daemon_.folder() + "/" + name; }

  daemon_under_test daemon_;
};

/// A socket that another user listens on.
class listener_of_nobody {
 public:
  explicit listener_of_nobody(std::uint16_t port) {
    constexpr uid_t nobody = 65'534;
    EXPECT_EQ(::seteuid(nobody), 0);
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::seteuid(0), 0);
    sockaddr_in here{};
    here.sin_family = AF_INET;
    here.sin_port = htons(port);
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(socket_, reinterpret_cast<const sockaddr*>(&here), sizeof here), 0);
    EXPECT_EQ(::listen(socket_, 8), 0);
  }
  ~listener_of_nobody() { ::close(socket_); }
  listener_of_nobody(const listener_of_nobody&) = delete;
  listener_of_nobody& operator=(const listener_of_nobody&) = delete;
  bool was_connected_to() const {
    const int got = ::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
    if (got >= 0) ::close(got);
    return got >= 0;
  }

 private:
  int socket_ = -1;
};

TEST(default_server, of_another_user_gets_no_token) {
  program networks{.words = {binary("peerage"), "networks"},
                   .environment = {{"PEERAGE_TOKEN", "prg_secret"}},
                   .network = {}};
  {
    const listener_of_nobody thief(7420);
    const finished refused = run(networks, 30s);
    EXPECT_EQ(refused.status, 1) << refused.out;
    EXPECT_NE(refused.err.find("user 65534 of this host listens on 127.0.0.1:7420"),
              std::string::npos)
        << refused.err;
    EXPECT_FALSE(thief.was_connected_to());
  }
  EXPECT_EQ(run(networks, 30s).status, 4) << "nobody listens";
}

TEST_F(command, creates_shows_resets_and_removes_a_peer) {
  const std::string conf = file("laptop.conf");
  EXPECT_EQ(peerage({"networks", "create", "acme", "--ipv4", "10.7.0.0/24"}).status, 0);
  const finished made = peerage({"create", "laptop", "--file", conf});
  EXPECT_EQ(made.status, 0) << made.err;
  EXPECT_TRUE(made.out.empty()) << "data goes to the file";
  struct stat seen{};
  ASSERT_EQ(::stat(conf.c_str(), &seen), 0);
  EXPECT_EQ(seen.st_mode & 07777U, 0600U);
  const std::string first = public_key_of(conf);
  EXPECT_TRUE(look_at(daemon_.interface()).contains(first));

  EXPECT_NE(peerage({"list"}).out.find("laptop"), std::string::npos);
  const finished status = peerage({"status", "laptop"});
  EXPECT_EQ(status.status, 0) << status.err;
  EXPECT_NE(status.out.find("live"), std::string::npos) << status.out;

  const finished reset = peerage({"reset", "laptop", "--file", conf, "--force"});
  const seen_peers after = look_at(daemon_.interface());
  EXPECT_EQ(reset.status, 0) << reset.err;
  EXPECT_FALSE(after.contains(first)) << "the old key is gone when it returns";
  const std::string second = public_key_of(conf);
  EXPECT_NE(second, first);
  EXPECT_TRUE(after.contains(second));

  const finished removed = peerage({"remove", "laptop"});
  EXPECT_EQ(removed.status, 0) << removed.err;
  EXPECT_TRUE(look_at(daemon_.interface()).empty());
}

TEST_F(command, json_is_the_apis_answer) {
  const auto network = parsed(peerage({"networks", "create", "acme", "--json"}));
  EXPECT_EQ(network.at("name").as_string(), "acme");
  const auto made = parsed(peerage({"create", "ci", "--ttl", "1h", "--json"}));
  EXPECT_EQ(made.at("state").as_string(), "live");
  EXPECT_TRUE(look_at(daemon_.interface()).contains(made.at("public_key").as_string().c_str()));
  EXPECT_NE(made.at("config").as_string().find("[Interface]"), std::string::npos);
  EXPECT_EQ(parsed(peerage({"list", "--json"})).at("items").as_array().size(), 1U);
  EXPECT_EQ(parsed(peerage({"show", "ci", "--json"})).at("name").as_string(), "ci");
  EXPECT_EQ(parsed(peerage({"status", "ci", "--json"})).at("state").as_string(), "live");
  const auto gateways = parsed(peerage({"gateways", "--json"}));
  EXPECT_EQ(gateways.at("items").at(0).at("name").as_string(), "gw-live");
  EXPECT_TRUE(gateways.at("items").at(0).at("live").as_bool());
  const auto token = parsed(peerage({"tokens", "create", "--scope", "peers:write", "--json"}));
  EXPECT_FALSE(token.at("token").as_string().empty());
  EXPECT_EQ(parsed(peerage({"remove", "ci", "--json"})).at("removed").as_array().size(), 1U);
}

TEST_F(command, ends_with_the_status_that_scripts_look_at) {
  EXPECT_EQ(peerage({"networks", "create", "acme"}).status, 0);
  EXPECT_EQ(peerage({"create", "taken"}).status, 0);
  const finished taken = peerage({"create", "taken"});
  EXPECT_EQ(taken.status, 1);
  EXPECT_NE(taken.err.find("taken"), std::string::npos) << taken.err;
  EXPECT_EQ(peerage({"show", "nobody"}).status, 1);
  EXPECT_EQ(peerage({"create", "ci", "--no-such-flag"}).status, 2);
  EXPECT_EQ(peerage({"creat", "ci"}).status, 2);
  EXPECT_EQ(peerage({"create", "Not_A_Label"}).status, 2);
  const finished away = peerage({"list", "--network", "acme", "--server", "http://127.0.0.1:9"});
  EXPECT_EQ(away.status, 4);
  EXPECT_NE(away.err.find("127.0.0.1:9"), std::string::npos) << away.err;
}

TEST_F(command, on_a_userspace_device_that_hangs_says_pending_and_writes_the_file) {
  EXPECT_EQ(peerage({"networks", "create", "acme"}).status, 0);
  const std::string conf = file("slow.conf");
  const pid_t wireguard = userspace_process(daemon_.interface());
  ASSERT_NE(wireguard, 0);
  ::kill(wireguard, SIGSTOP);
  const finished made = peerage({"create", "slow", "--file", conf});
  ::kill(wireguard, SIGCONT);
  EXPECT_EQ(made.status, 3) << made.err;
  EXPECT_NE(made.err.find("pending"), std::string::npos) << made.err;
  const std::string key = public_key_of(conf);
  EXPECT_TRUE(eventually(5s, [&] { return look_at(daemon_.interface()).contains(key); }));
  EXPECT_EQ(peerage({"status", "slow"}).status, 0) << "and live it is, without another word";
}

}  // namespace
}  // namespace peerage::live
