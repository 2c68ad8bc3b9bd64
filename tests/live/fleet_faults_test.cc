// What a fleet does while Consul answers what it should not, and when a process of it is ready.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <cstring>
#include <stdexcept>
#include <thread>
#include <tuple>

#include "http/client.h"
#include "testing/run.h"
#include "tests/live/locked_fleet.h"
#include "tests/live/proxy.h"
#include "tests/live/wireguard.h"

namespace peerage::live {
namespace {

const std::string peers = "/v1/networks/acme/peers";

std::string http_answer(const std::string& status, const std::string& type, const std::string& body,
                        std::size_t missing = 0) {
  return "HTTP/1.1 " + status + "\r\nContent-Type: " + type + "\r\nX-Consul-Index: 7\r\n" +
         "Content-Length: " + std::to_string(body.size() + missing) + "\r\n\r\n" + body;
}

json::object wish_for(const std::string& name, const std::string& key) {
  return {{"name", name}, {"public_key", key}, {"gateway", "gw-1"}};
}

/// For a device that is being made.
bool has_again(const gateway_node& gateway, const std::string& key) {
  try {
    return gateway.has(key);
  } catch (const std::exception&) {
    return false;
  }
}

/// As somebody's token, with everything that the answer says.
http::response call(const std::string& url, const std::string& token, const std::string& method,
                    const std::string& path, const json::value& body) {
  asio::io_context loop;
  auto client = http::client::to(loop.get_executor(), url).value();
  http::request wanted;
  wanted.method = method;
  wanted.path = path;
  wanted.headers.emplace_back("Authorization", "Bearer " + token);
  if (!body.is_null()) {
    wanted.headers.emplace_back("Content-Type", "application/json");
    wanted.body = json::serialize(body);
  }
  return fakes::run_on(loop, client.send(std::move(wanted), 20s)).value();
}

TEST(fleet_faults, a_gateway_starts_from_its_mirror_while_consul_answers_nonsense) {
  fleet all;
  lying_proxy consul(all.consul.port());
  all.add_api().start();
  node_options through;
  through.consul_url = consul.url();
  gateway_node& gateway = all.add_gateway("gw-1", "fra", through);
  gateway.settle();
  all.await_live(0, 1);
  all.call().make_network("acme");
  const std::string key = new_public_key();
  ASSERT_EQ(all.call().call("POST", peers, wish_for("first", key)).status, 201);

  const std::string json = R"([{"Key": "peerage/v1/epoch", "Value": "YWJj", "Flags": 0, "ModifyI)";
  const std::map<std::string, std::string> answers{
      {"403", http_answer("403 Forbidden", "text/plain", "Permission denied")},
      {"500", http_answer("500 Internal Server Error", "text/plain", "rpc error: EOF")},
      {"cut", http_answer("200 OK", "application/json", json, 100)},
      {"broken", http_answer("200 OK", "application/json", json)},
      {"html", http_answer("200 OK", "text/html", "<html>Log in to this hotel's network</html>")}};
  int round = 0;
  for (const auto& [what, answer] : answers) {
    SCOPED_TRACE(what);
    if (round % 2 == 0) {
      EXPECT_EQ(gateway.stop(), 0);
    } else {
      gateway.kill();
    }
    gateway.lose_device();
    consul.answer(answer);
    const int before = consul.told();
    gateway.launch();
    EXPECT_TRUE(eventually(15s, [&] { return has_again(gateway, key); })) << "of its mirror";
    EXPECT_TRUE(eventually(15s, [&] { return consul.told() > before + 1; }));
    std::this_thread::sleep_for(1s);  // nothing tells that it will not end
    ASSERT_FALSE(gateway.running().ended()) << gateway.running().log();
    EXPECT_TRUE(gateway.has(key));
    EXPECT_EQ(ask(gateway.admin_url(), "GET", "/readyz").status, 200) << "it serves its peers";
    consul.answer({});
    const json::object next = wish_for("next-" + std::to_string(++round), new_public_key());
    const std::string path = peers + "/" + std::string(next.at("name").as_string());
    EXPECT_TRUE(eventually(20s, [&] {
      const int status = all.call().call("PUT", path, next).status;
      return status == 200 || status == 201;
    })) << gateway.running().log();
    EXPECT_TRUE(gateway.has(std::string(next.at("public_key").as_string())));
    if (testing::Test::HasFailure()) return;
  }
}

struct locked_out : locked_fleet, testing::Test {
  std::string secret() const {
    std::string text = text_of_file(token_file("api"));
    while (text.ends_with('\n')) text.pop_back();
    return text;
  }
  std::string accessor() const {
    const auto self = ask(all.consul.url(), "GET", "/v1/acl/token/self?token=" + secret());
    return std::string(json::parse(self.body, 16).value().at("AccessorID").as_string());
  }
};

TEST_F(locked_out, an_api_whose_consul_token_is_gone_answers_503_and_goes_on_once_it_is_back) {
  api_node& api = all.add_api(options_of("api"));
  api.start();
  all.add_gateway("gw-fra-1", "fra", options_of("gw-fra-1")).settle();
  all.await_live(0, 1);
  all.call().make_network("acme");
  const json::object scopes{{"network", "acme"}, {"scopes", json::array{"peers:write"}}};
  const std::string writer = all.call().call("POST", "/v1/tokens", scopes).word("token");
  const std::string key = new_public_key();
  const json::object wish{{"name", "ci-1"}, {"public_key", key}};
  ASSERT_EQ(call(api.url(), writer, "POST", peers, wish).status, 201);

  const std::string id = accessor();
  const std::string as_root = "?token=" + std::string(master);
  ASSERT_EQ(ask(all.consul.url(), "DELETE", "/v1/acl/token/" + id + as_root).status, 200);
  const json::object rekey{{"public_key", new_public_key()}};
  std::string unknown = writer;
  unknown.back() = unknown.back() == 'a' ? 'b' : 'a';
  // It remembers tokens for a second, and looks at the store every two.
  ASSERT_TRUE(eventually(10s, [&] {
    return call(api.url(), unknown, "GET", peers, nullptr).status == 503 &&
           ask(api.url(), "GET", "/readyz").status == 503;
  }));
  for (const std::string& token : {all.token(), writer, unknown}) {
    for (const auto& [method, path, body] :
         std::vector<std::tuple<std::string, std::string, json::value>>{
             {"GET", "/v1/networks", nullptr},
             {"GET", peers, nullptr},
             {"GET", peers + "/ci-1", nullptr},
             {"POST", peers, json::object{{"name", "n"}, {"public_key", new_public_key()}}},
             {"PUT", peers + "/ci-1", rekey},
             {"DELETE", peers + "/ci-1", nullptr},
             {"GET", "/v1/tokens", nullptr}}) {
      SCOPED_TRACE(method + " " + path + " as " + token.substr(0, 14));
      const auto got = call(api.url(), token, method, path, body);
      EXPECT_EQ(got.status, 503) << got.body;
      EXPECT_FALSE(got.header("Retry-After").empty());
      for (const std::string& inside :
           {all.consul.url(), std::string("127.0.0.1"), std::string("/v1/kv"),
            std::string("peerage/v1"), token_file("api"), secret(), std::string("ermission")}) {
        EXPECT_EQ(got.body.find(inside), std::string::npos) << got.body;
      }
    }
  }
  EXPECT_TRUE(all.gateway().has(key)) << "nothing happened to its peers";

  const json::object same{{"AccessorID", id},
                          {"SecretID", secret()},
                          {"Policies", json::array{json::object{{"Name", "api"}}}}};
  all.consul.tell("/v1/acl/token", json::serialize(same));
  EXPECT_TRUE(eventually(40s, [&] {
    const int status = call(api.url(), writer, "PUT", peers + "/ci-1", rekey).status;
    return status == 200;
  })) << "without a restart";
}

TEST(fleet_faults, the_first_creation_after_ready_is_live) {
  fleet all;
  all.start_usual();
  for (int round = 0; round < 6; ++round) {
    SCOPED_TRACE(round);
    if (round % 2 == 0) {
      EXPECT_EQ(all.api().stop(), 0);
    } else {
      all.api().kill();
    }
    all.api().launch();
    ASSERT_TRUE(eventually(15s, [&] {
      try {
        return ask(all.api().url(), "GET", "/readyz").status == 200;
      } catch (const std::exception&) {
        return false;  // it does not listen yet
      }
    }));
    const auto made = all.call().enrol("acme", "r-" + std::to_string(round), new_public_key());
    EXPECT_EQ(made.status, 201) << made.text;
  }
}

/// What systemd gives a service of Type=notify.
class notify_socket {
 public:
  explicit notify_socket(const std::string& path) : path_(path) {
    socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_un here{};
    here.sun_family = AF_UNIX;
    path.copy(here.sun_path, sizeof(here.sun_path) - 1);
    if (path.starts_with('@')) here.sun_path[0] = 0;
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
    const timeval limit{15, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (::bind(socket_, reinterpret_cast<const sockaddr*>(&here), size) != 0) {
      throw std::runtime_error("can't bind " + path);
    }
  }
  ~notify_socket() { ::close(socket_); }
  notify_socket(const notify_socket&) = delete;
  notify_socket& operator=(const notify_socket&) = delete;
  const std::string& path() const { return path_; }
  /// The next message; "" after 15 s.
  std::string next() const {
    std::string bytes(256, 0);
    const ssize_t got = ::recv(socket_, bytes.data(), bytes.size(), 0);
    bytes.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    return bytes;
  }

 private:
  std::string path_;
  int socket_ = -1;
};

process launch_notified(const fleet_node& node, const notify_socket& to) {
  return {{.words = {binary("peeraged"), "--config", node.folder() + "/peeraged.toml"},
           .environment = {{"NOTIFY_SOCKET", to.path()}},
           .network = {}},
          node.folder() + "/peeraged.log"};
}

TEST(fleet_faults, the_service_manager_is_told_when_the_next_creation_works) {
  fleet all;
  all.start_usual();
  EXPECT_EQ(all.api().stop(), 0);
  // More than once: a gateway may say by chance that it is there.
  for (int round = 0; round < 5; ++round) {
    const notify_socket of_api(all.api().folder() + "/notify-" + std::to_string(round));
    const process api = launch_notified(all.api(), of_api);
    ASSERT_EQ(of_api.next(), "READY=1");
    const auto made = all.call().enrol("acme", "n-" + std::to_string(round), new_public_key());
    EXPECT_EQ(made.status, 201) << made.text;
    EXPECT_EQ(ask(all.api().url(), "GET", "/readyz").status, 200);
  }

  // An abstract one, as systemd may use.
  EXPECT_EQ(all.gateway(0).stop(), 0);
  const notify_socket of_gateway("@peerage-live-notify");
  const process gateway = launch_notified(all.gateway(0), of_gateway);
  EXPECT_EQ(of_gateway.next(), "READY=1");
  EXPECT_EQ(ask(all.gateway(0).admin_url(), "GET", "/healthz").status, 200);
}

}  // namespace
}  // namespace peerage::live
