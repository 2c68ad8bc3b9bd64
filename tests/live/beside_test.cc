// What stands beside the daemon on its host: clients without IPv6, nginx, a second look by --check,
// files that are replaced while it runs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>

#include "tests/live/daemon.h"
#include "tests/live/fleet.h"
#include "tests/live/raw.h"
#include "tests/live/wireguard.h"

namespace peerage::live {
namespace {

using testing::HasSubstr;
using testing::Not;

/// The config with more lines of [api].
std::string with_api_lines(std::string text, const std::string& lines) {
  const std::string section = "[api]\n";
  return text.insert(text.find(section) + section.size(), lines);
}

TEST(host_without_ipv6, wg_quick_takes_the_file_that_it_gets) {
  client_host client;
  daemon_under_test daemon({.endpoint_address = client.gateway_address()});
  std::string config = with_api_lines(daemon.config_text(), "plain_http = true\n");
  config.replace(config.find("127.0.0.1:"), 9, "0.0.0.0");
  daemon.write_config(config);
  daemon.launch();
  daemon.await_log(" ready api=");
  daemon.admin().make_network("acme", "10.20.0.0/16");
  for (const std::string which : {"all", "default"}) {
    must_run({"sysctl", "-qw", "net.ipv6.conf." + which + ".disable_ipv6=1"}, client.network());
  }
  const std::string file = client.folder() + "/v4.conf";
  program create = daemon.peerage({"create", "job", "--file", file});
  create.environment["PEERAGE_SERVER"] =
      "http://" + client.gateway_address() + ":" + std::to_string(daemon.api_port());
  create.network = client.network();
  const finished made = run(create);
  ASSERT_EQ(made.status, 0) << made.err;
  EXPECT_THAT(made.err, HasSubstr("this host has no IPv6"));
  EXPECT_THAT(text_of_file(file), Not(HasSubstr("::")));
  const finished up = run({.words = {"wg-quick", "up", file},
                           .environment = {{"WG_QUICK_USERSPACE_IMPLEMENTATION", "wireguard-go"}},
                           .network = client.network()});
  EXPECT_EQ(up.status, 0) << up.err;
  EXPECT_THAT(must_run({"ip", "-4", "address", "show", "dev", "v4"}, client.network()),
              HasSubstr("10.20."));
  must_run({"ip", "link", "delete", "v4"}, client.network());
  // Elsewhere the same command's file has both families.
  EXPECT_THAT(run(daemon.peerage({"create", "laptop"})).out, HasSubstr("::"));
}

/// nginx before the daemon, with the proxy settings that it has by default.
struct nginx {
  nginx(const std::string& folder, const std::string& upstream, const std::string& more)
      : port(fresh_port()),
        log(folder + "/nginx.log"),
        running(start(folder, upstream, more), log) {
    if (!eventually(10s, [this] { return answers(); })) {
      throw std::runtime_error("nginx does not serve: " + text_of_file(log));
    }
  }
  bool answers() const {
    try {
      const raw_connection tried(port);
      return true;
    } catch (const std::runtime_error&) {
      return false;
    }
  }
  program start(const std::string& folder, const std::string& upstream,
                const std::string& more) const {
    std::ofstream(folder + "/nginx.conf")
        << "daemon off; user root; pid " << folder << "/nginx.pid; error_log stderr;\n"
        << "events {}\nhttp {\n  access_log off;\n  client_body_temp_path " << folder << "/body;\n"
        << "  proxy_temp_path " << folder << "/proxy;\n  fastcgi_temp_path " << folder
        << "/fastcgi;\n  uwsgi_temp_path " << folder << "/uwsgi;\n  scgi_temp_path " << folder
        << "/scgi;\n  server {\n    listen 127.0.0.1:" << port << ";\n    location / {\n      "
        << more << "\n      proxy_pass " << upstream << ";\n    }\n  }\n}\n";
    return {.words = {"nginx", "-p", folder, "-c", folder + "/nginx.conf"},
            .environment = {},
            .network = {}};
  }

  std::uint16_t port;
  std::string log;
  process running;
};

/// What comes until the words have come, or nothing more for 5 s.
std::string receive_until(const raw_connection& from, const std::string& words) {
  std::string text;
  while (text.find(words) == std::string::npos) {
    const std::string more = from.receive();
    if (more.empty()) break;
    text += more;
  }
  return text;
}

TEST(behind_nginx, events_come_as_they_happen) {
  daemon_under_test daemon;
  daemon.settle();
  caller api = daemon.admin();
  api.make_network("acme");
  const temporary_folder folder;
  const nginx proxy(folder.path(), daemon.url(), "");
  const raw_connection watcher(proxy.port);
  ASSERT_TRUE(
      watcher.send("GET /v1/events HTTP/1.1\r\nHost: x\r\nLast-Event-ID: 7\r\n"
                   "Authorization: Bearer " +
                   daemon.admin_token() + "\r\n\r\n"));
  EXPECT_THAT(receive_until(watcher, "event: gap"), HasSubstr("event: gap"));
  ASSERT_EQ(api.enrol("acme", "ci-1", new_public_key()).status, 201);
  EXPECT_THAT(receive_until(watcher, "\"peer\":\"ci-1\""), HasSubstr("\"peer\":\"ci-1\""));
}

TEST(behind_nginx, over_a_unix_socket_the_audit_names_the_client) {
  daemon_under_test daemon;
  const std::string path = daemon.folder() + "/api.sock";
  std::string config = daemon.config_text();
  const std::string own = "127.0.0.1:" + std::to_string(daemon.api_port());
  config.replace(config.find(own), own.size(), "unix:" + path);
  daemon.write_config(with_api_lines(config, "trusted_proxies = [\"unix:\"]\n"));
  daemon.launch();
  daemon.await_log(" ready api=unix:" + path);
  program directly = daemon.peerage({"networks"});
  directly.environment["PEERAGE_SERVER"] = "unix:" + path;
  EXPECT_EQ(run(directly).status, 0) << run(directly).err;
  directly.environment["PEERAGE_SERVER"] = "unix:" + path + ".none";
  EXPECT_EQ(run(directly).status, 4);
  const nginx proxy(daemon.folder(), "http://unix:" + path + ":",
                    "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;");
  caller api("http://127.0.0.1:" + std::to_string(proxy.port), daemon.admin_token());
  api.make_network("acme");
  const answer audit = api.call("GET", "/v1/audit");
  const auto& entry = audit["items"].as_array().at(0).as_object();
  EXPECT_EQ(entry.at("remote").as_string(), "127.0.0.1") << audit.text;
  // What a client says of itself is the left of what nginx makes of it.
  const raw_connection liar(proxy.port);
  const std::string body = R"({"name": "beta"})";
  ASSERT_TRUE(
      liar.send("POST /v1/networks HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 203.0.113.9\r\n"
                "Content-Type: application/json\r\nContent-Length: " +
                std::to_string(body.size()) + "\r\nAuthorization: Bearer " + daemon.admin_token() +
                "\r\n\r\n" + body));
  EXPECT_THAT(liar.receive(), HasSubstr("201 Created"));
  const answer after = api.call("GET", "/v1/audit");
  const auto& last = after["items"].as_array().at(0).as_object();
  EXPECT_EQ(last.at("network").as_string(), "beta");
  EXPECT_EQ(last.at("remote").as_string(), "127.0.0.1") << after.text;
  EXPECT_EQ(daemon.stop(), 0);
}

TEST(check, beside_the_running_daemon_finds_nothing_wrong) {
  daemon_under_test daemon;
  daemon.settle();
  const finished same = run(daemon.command({"--check"}));
  EXPECT_EQ(same.status, 0) << same.out << same.err;
  EXPECT_THAT(same.out, Not(HasSubstr("FAILED")));
  EXPECT_THAT(same.out, HasSubstr("where the running daemon listens"));
  EXPECT_THAT(same.out, HasSubstr("where the gateway's device listens"));
  EXPECT_THAT(same.out, HasSubstr("changes nothing"));
  EXPECT_EQ(daemon.admin().call("GET", "/healthz").status, 200);

  daemon.write_config(with_api_lines(daemon.config_text(), "requests = 7\n"));
  const finished changed = run(daemon.command({"--check"}));
  EXPECT_EQ(changed.status, 0) << changed.out << changed.err;
  EXPECT_THAT(changed.out, HasSubstr("restart    changes api.requests"));
}

TEST(check, of_ports_that_another_has_fails) {
  daemon_under_test daemon, other;
  daemon.settle();
  other.settle();
  std::string config = daemon.config_text();
  std::string theirs = other.config_text();
  const auto take = [&](const std::string& from) {
    const auto line = [&](std::string& text) {
      const auto at = text.find(from);
      return std::pair{at, text.find('\n', at) - at};
    };
    const auto [at, size] = line(config);
    const auto [their_at, their_size] = line(theirs);
    config.replace(at, size, theirs.substr(their_at, their_size));
  };
  take("listen = ");
  take("listen_port = ");
  daemon.write_config(config);
  const finished check = run(daemon.command({"--check"}));
  EXPECT_EQ(check.status, 1);
  EXPECT_THAT(check.out, HasSubstr("FAILED   api"));
  EXPECT_THAT(check.out, HasSubstr("FAILED   port"));
  EXPECT_THAT(check.out, HasSubstr("changes api.listen, gateway.listen_port"));
}

TEST(sighup, gives_the_gateway_another_key) {
  daemon_under_test daemon;
  daemon.settle();
  caller api = daemon.admin();
  api.make_network("acme");
  const std::string file = daemon.state_dir() + "/gateway.key";
  const auto key_of_device = [&] {
    std::string key = must_run({"wg", "show", daemon.interface(), "public-key"});
    return key.substr(0, key.find('\n'));
  };
  const std::string before = key_of_device();
  ASSERT_EQ(api.enrol("acme", "old", new_public_key()).status, 201);

  // What is no key changes nothing, and is not repeated.
  std::ofstream(file) << "SECRET-RUBBISH\n";
  ASSERT_EQ(::kill(daemon.running().pid(), SIGHUP), 0);
  daemon.await_log("the gateway's key stays as it was");
  EXPECT_THAT(daemon.log_since_launch(), Not(HasSubstr("SECRET-RUBBISH")));
  EXPECT_EQ(key_of_device(), before);

  std::string fresh = must_run({"wg", "genkey"});
  std::ofstream(file) << fresh;
  ASSERT_EQ(::kill(daemon.running().pid(), SIGHUP), 0);
  daemon.await_log("the gateway has another key");
  EXPECT_TRUE(eventually(10s, [&] { return key_of_device() != before; }));
  const std::string now = key_of_device();
  // New peers are told of it, and the ones that are there stay.
  EXPECT_TRUE(eventually(10s, [&] {
    const answer shown = api.call("GET", "/v1/networks/acme/peers/old");
    return shown["gateway"].as_object().at("public_key").as_string() == now;
  }));
  const answer made = api.enrol("acme", "new", new_public_key());
  EXPECT_EQ(made.status, 201) << made.text;
  EXPECT_EQ(made["gateway"].as_object().at("public_key").as_string(), now);
  EXPECT_EQ(look_at(daemon.interface()).size(), 2U);
}

}  // namespace
}  // namespace peerage::live
