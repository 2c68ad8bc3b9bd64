// Consul over TLS, and with access lists: what the config's files are for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "consul/store.h"
#include "json/json.h"
#include "local/system_clock.h"
#include "testing/run.h"
#include "testing/samples.h"
#include "tests/contract/consul_server.h"

namespace peerage::contract {
namespace {

namespace fs = std::filesystem;
using fakes::run_on;
using fakes::sample_network;
using testing::HasSubstr;

/// Authorities and certificates of a test's own, made by the command `openssl`.
struct certificates {
  certificates() {
    std::string name = (fs::temp_directory_path() / "peerage-tls-XXXXXX").string();
    folder = mkdtemp(name.data());
    for (const std::string authority : {"ca", "other"}) {
      run("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=" +
          authority + " -keyout " + file(authority + ".key") + " -out " + file(authority + ".pem"));
    }
    issue("server", "IP:127.0.0.1");
    issue("stranger", "DNS:elsewhere.example");
    issue("client", "DNS:client.example");
  }
  ~certificates() { fs::remove_all(folder); }
  certificates(const certificates&) = delete;
  certificates& operator=(const certificates&) = delete;

  std::string file(const std::string& name) const { return folder / name; }
  void issue(const std::string& name, const std::string& named) const {
    std::ofstream(file(name + ".ext")) << "subjectAltName=" << named << "\n";
    run("req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=" + name +
        " -keyout " + file(name + ".key") + " -out " + file(name + ".csr"));
    run("x509 -req -days 2 -CAcreateserial -CA " + file("ca.pem") + " -CAkey " + file("ca.key") +
        " -in " + file(name + ".csr") + " -extfile " + file(name + ".ext") + " -out " +
        file(name + ".pem"));
  }
  static void run(const std::string& arguments) {
    const std::string command = "openssl " + arguments + " >/dev/null 2>&1";
    if (std::system(command.c_str()) != 0) throw std::runtime_error("failed: " + command);
  }
  fs::path folder;
};

std::uint16_t free_port() {
  using asio::ip::tcp;
  asio::io_context loop;
  const tcp::acceptor held(loop, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  return held.local_endpoint().port();
}

struct consul_access : testing::Test {
  asio::io_context loop;
  std::unique_ptr<clock> time = make_system_clock(loop.get_executor());

  /// What a first read says: "" for success.
  std::string look(consul_options options) {
    options.api_id = "api-1";
    auto opened = open_consul_store(loop.get_executor(), *time, std::move(options));
    if (!opened) return opened.error().message;
    const auto id = run_on(loop, (*opened)->identity());
    return id ? "" : id.error().message;
  }
};

TEST_F(consul_access, over_tls_both_sides_show_who_they_are) {
  const certificates made;
  const auto config = [&](std::uint16_t port, const std::string& name) {
    json::object all{{"ports", json::object{{"https", port}}},
                     {"ca_file", made.file("ca.pem")},
                     {"cert_file", made.file(name + ".pem")},
                     {"key_file", made.file(name + ".key")},
                     {"verify_incoming_https", true}};
    return json::serialize(all);
  };
  const std::uint16_t port = free_port();
  const consul_server server(config(port, "server"));
  consul_options good;
  good.address = "https://127.0.0.1:" + std::to_string(port);
  good.ca_file = made.file("ca.pem");
  good.cert_file = made.file("client.pem");
  good.key_file = made.file("client.key");
  EXPECT_EQ(look(good), "");

  consul_options nobody = good;
  nobody.cert_file = nobody.key_file = "";
  EXPECT_NE(look(nobody), "") << "the server wants to see a certificate";
  consul_options deceived = good;
  deceived.ca_file = made.file("other.pem");
  EXPECT_THAT(look(deceived), HasSubstr("certificate"));
  consul_options missing = good;
  missing.ca_file = made.file("none.pem");
  EXPECT_THAT(look(missing), HasSubstr("none.pem can't be used for TLS"));
  consul_options plain = good;
  plain.address = "http://127.0.0.1:" + std::to_string(port);
  EXPECT_NE(look(plain), "");

  const std::uint16_t other = free_port();
  const consul_server impostor(config(other, "stranger"));
  consul_options wrong = good;
  wrong.address = "https://127.0.0.1:" + std::to_string(other);
  EXPECT_THAT(look(wrong), HasSubstr("TLS with Consul")) << "its certificate names another";
}

TEST_F(consul_access, a_token_opens_the_keys_that_its_policy_names) {
  const consul_server server(R"({"acl": {"enabled": true, "default_policy": "deny",
                                         "tokens": {"master": "root-token"}}})");
  const auto as_root = [&](const std::string& path, const std::string& body) {
    const auto said = server.ask("PUT", path, "token=root-token", body);
    EXPECT_EQ(said.status, 200) << said.body;
    return said.body;
  };
  as_root("/v1/acl/policy",
          R"({"Name": "peerage", "Rules": "key_prefix \"peerage/v1/\" { policy = \"write\" }"})");
  const auto token =
      json::parse(as_root("/v1/acl/token", R"({"Policies": [{"Name": "peerage"}]})"), 16);
  ASSERT_TRUE(token);
  consul_options options;
  options.address = server.url();
  EXPECT_THAT(look(options), HasSubstr("token")) << "without one it says what is missing";
  options.token = secret_text("wrong-token");
  EXPECT_NE(look(options), "");
  options.token = secret_text(std::string(token->at("SecretID").as_string()));
  EXPECT_EQ(look(options), "");
  options.prefix = "elsewhere/";
  EXPECT_THAT(look(options), HasSubstr("token"));
}

}  // namespace
}  // namespace peerage::contract
