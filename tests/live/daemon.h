// A whole peeraged with a config, a folder, an interface and ports of its own, and what talks to it
// over HTTP. For tests alone. When its test fails, it prints the daemon's log as it goes. What
// should have worked is an exception.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "http/client.h"
#include "json/json.h"
#include "tests/live/process.h"

namespace peerage::live {

/// Where build/<preset>/peeraged and peerage are.
std::string binary(const std::string& name);
/// PEERAGE_CONSUL, or that of the build, or of PATH.
std::string consul_binary();

/// A new key pair's public half, as text.
std::string new_public_key();

struct answer {
  int status = 0;
  json::value body;  // null where the answer has none
  std::string text;  // the body as it came

  /// The member; an exception where it is absent.
  const json::value& operator[](std::string_view member) const;
  std::string word(std::string_view member) const;
};

/// One keep-alive connection with a token. For one thread.
class caller {
 public:
  caller(const std::string& url, std::string token, std::shared_ptr<http::client_tls> tls = {});

  /// Errors as http::client::send(); within 20 s.
  result<answer> attempt(const std::string& method, const std::string& target,
                         const json::value& body = nullptr);
  /// The answer; an exception where there was none.
  answer call(const std::string& method, const std::string& target,
              const json::value& body = nullptr);

  void make_network(const std::string& name, const std::string& ipv4 = {},
                    const std::string& ipv6 = {});
  /// POST of a peer.
  answer enrol(const std::string& network, const std::string& name, const std::string& key);
  /// Every peer of the network, page by page, by name.
  std::map<std::string, json::object> peers_of(const std::string& network);

 private:
  asio::io_context loop_;
  std::string token_;
  http::client client_;
};

struct daemon_options {
  std::string device = "auto";
  int reconcile_s = 30;
  std::string endpoint_address = "127.0.0.1";
  std::string log_level = "info";
};

class daemon_under_test {
 public:
  explicit daemon_under_test(daemon_options options = {});
  ~daemon_under_test();
  daemon_under_test(const daemon_under_test&) = delete;
  daemon_under_test& operator=(const daemon_under_test&) = delete;

  /// Until it is ready.
  void start();
  /// Only the process: for what is not meant to become ready.
  void launch();
  /// Until the log has the words, since the last launch; an exception after the limit, or once the
  /// daemon has ended.
  void await_log(const std::string& words, milliseconds limit = 15s);
  /// start(), and until the device has been compared with the store.
  void settle(milliseconds limit = 15s);
  /// What it has logged since the last launch.
  std::string log_since_launch() const;
  /// SIGKILL; it is gone when this returns.
  void kill();
  /// SIGTERM; the exit status.
  int stop();

  std::string admin_token() const;
  caller admin() const { return caller(url(), admin_token()); }
  /// The daemon's arguments, and more.
  program command(std::vector<std::string> more = {}) const;
  /// The command `peerage`, told where this daemon is and its admin token.
  program peerage(std::vector<std::string> arguments) const;

  const std::string& folder() const { return folder_.path(); }
  const std::string& interface() const { return interface_; }
  std::string state_dir() const { return folder() + "/state"; }
  std::string config_file() const { return folder() + "/peeraged.toml"; }
  std::string log_file() const { return folder() + "/peeraged.log"; }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(api_port_); }
  std::uint16_t api_port() const { return api_port_; }
  process& running() { return *process_; }

  std::string config_text() const;
  void write_config(const std::string& text) const;

 private:
  daemon_options options_;
  temporary_folder folder_;
  std::string interface_;
  std::uint16_t api_port_ = 0;
  std::uint16_t udp_port_ = 0;
  std::size_t log_begins_ = 0;
  std::optional<process> process_;
};

}  // namespace peerage::live
