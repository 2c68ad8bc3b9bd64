// A whole fleet on this host: Consul, NATS, API processes and gateways, each a real process with a
// folder of its own. In the test program's namespaces, so ports and names are its own. For tests
// alone; what should have worked is an exception. When its test fails, it prints every log.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "http/message.h"
#include "tests/live/daemon.h"
#include "tests/live/process.h"

namespace peerage::live {

/// A number nobody else in this program has: for ports, interfaces and addresses.
std::uint16_t fresh_port();

/// A request without a token, to Consul or to a gateway's admin port. An exception where there is
/// no answer.
http::response ask(const std::string& url, const std::string& method, const std::string& target,
                   const std::string& body = {});

/// A program that is started, killed and started again, and logs to one file.
class server_process {
 public:
  explicit server_process(std::string log_file) : log_file_(std::move(log_file)) {}
  void launch(program what);
  /// Until the log has the words since the last launch; an exception after 15 s, or at its end.
  void await_log(const std::string& words);
  void kill();
  int stop();
  void signal(int number) { process_->signal(number); }
  bool runs() const { return process_.has_value(); }
  pid_t pid() const { return process_->pid(); }
  std::optional<int> ended() { return process_->ended(); }
  /// What it has logged since the last launch.
  std::string log() const { return text_of_file(log_file_).substr(begins_); }
  const std::string& log_file() const { return log_file_; }

 private:
  std::string log_file_;
  std::size_t begins_ = 0;
  std::optional<process> process_;
};

/// One Consul server, or of several; its data stay when it is killed.
class consul_node {
 public:
  /// `of`: the addresses of all servers, this one's first. `client`: an agent that is no server.
  explicit consul_node(std::vector<std::string> of = {}, bool client = false);
  void start();
  void kill() { process_.kill(); }
  std::string url() const { return "http://" + address_ + ":" + std::to_string(port_); }
  std::uint16_t port() const { return port_; }
  const std::string& address() const { return address_; }
  /// Answers consistent reads.
  bool ready() const;
  void await_ready() const;
  bool leads() const;
  std::string log() const { return process_.log(); }
  /// Refuses from its next start what no policy allows; the words are those of its configuration.
  void lock(std::string configuration, std::string master);
  /// PUT, as whoever may do everything; its answer.
  std::string tell(const std::string& path, const std::string& body) const;

  bool has(const std::string& key) const;
  void put(const std::string& key, const std::string& value) const;
  void remove_folder(const std::string& folder) const;
  /// Every key under the prefix, with its ModifyIndex.
  std::map<std::string, std::uint64_t> indexes() const;

 private:
  temporary_folder folder_;
  std::string address_;
  std::vector<std::string> servers_;
  bool client_ = false;
  std::uint16_t port_ = 0;
  std::string configuration_, master_;
  server_process process_;
};

class nats_node {
 public:
  nats_node();
  void start();
  /// With a configuration of its own from the next start on, over TLS.
  void lock(std::string file, std::map<std::string, std::string> environment);
  std::string url() const;
  void kill() { process_.kill(); }
  void freeze();
  void thaw();
  std::string log() const { return process_.log(); }
  std::uint16_t port() const { return port_; }

 private:
  temporary_folder folder_;
  std::uint16_t port_;
  std::string file_;
  std::map<std::string, std::string> environment_;
  server_process process_;
};

struct node_options {
  std::uint16_t nats_port = 0;         // of a proxy; 0: NATS itself
  std::string consul_url;              // of a proxy; empty: Consul itself
  std::string store_lines, bus_lines;  // more of the config's [store] and [bus]
  std::string api_lines;               // and of [api]
  std::string api_ca_file;             // that an API process speaks TLS under; empty: it does not
  std::string log_level = "info";
  int reconcile_s = 30;
  std::string endpoint_address = "127.0.0.1";
};

/// A peeraged with one role.
class fleet_node {
 public:
  fleet_node(std::string config, std::string ready, std::string log_level);
  void launch();
  void start();
  /// start(), and until a gateway's device has all that the store says.
  void settle();
  void kill() { process_.kill(); }
  int stop() { return process_.stop(); }
  server_process& running() { return process_; }
  std::string state_dir() const { return folder_.path() + "/state"; }
  /// As on a new host.
  void forget();
  const std::string& folder() const { return folder_.path(); }

 private:
  temporary_folder folder_;
  std::string ready_, log_level_;
  server_process process_;
};

class api_node : public fleet_node {
 public:
  api_node(std::string config, std::uint16_t port, const node_options& options);
  std::string url() const;
  std::uint16_t port() const { return port_; }
  /// The authority under which it speaks TLS; empty where it does not.
  const std::string& ca_file() const { return ca_file_; }

 private:
  std::uint16_t port_;
  std::string ca_file_;
};

class gateway_node : public fleet_node {
 public:
  gateway_node(std::string config, std::string name, std::string interface, std::uint16_t admin,
               const node_options& options);
  ~gateway_node();
  const std::string& name() const { return name_; }
  const std::string& interface() const { return interface_; }
  std::string admin_url() const { return "http://127.0.0.1:" + std::to_string(admin_); }
  /// One look at the device, now.
  bool has(const std::string& key) const;
  std::size_t peers() const;
  /// Up to which its device has what the store says, by its metrics.
  std::uint64_t revision() const;
  /// Its own address in the network that its peers are in.
  std::string inside() const;
  /// Its WireGuard dies and its interface goes.
  void lose_device() const;

 private:
  std::string name_;
  std::string interface_;
  std::uint16_t admin_;
};

class fleet {
 public:
  /// Consul and NATS alone. Nodes are added, and started, one by one.
  fleet();
  /// The same, once `lock` has seen to them.
  explicit fleet(const std::function<void(fleet&)>& lock);
  ~fleet();
  fleet(const fleet&) = delete;
  fleet& operator=(const fleet&) = delete;

  consul_node consul;
  nats_node nats;

  api_node& add_api(node_options options = {});
  gateway_node& add_gateway(const std::string& name, const std::string& region,
                            node_options options = {});
  /// Two APIs, and the gateways gw-1 in fra and gw-2 in iad, all ready; the network "acme".
  void start_usual(node_options of_gateways = {});

  api_node& api(std::size_t n = 0) { return *apis_.at(n); }
  gateway_node& gateway(std::size_t n = 0) { return *gateways_.at(n); }
  std::string token() const;
  caller call(std::size_t n = 0) { return call(n, token()); }
  caller call(std::size_t n, const std::string& as);
  /// The command `peerage`.
  program peerage(std::vector<std::string> arguments);

  /// Until an API process sees so many gateways live; an exception after 10 s.
  void await_live(std::size_t n, std::size_t gateways);

 private:
  std::string backends(const node_options& options) const;
  std::vector<std::unique_ptr<api_node>> apis_;
  std::vector<std::unique_ptr<gateway_node>> gateways_;
};

/// The gateway's device has exactly what the store says of it.
void expect_gateway_is_store(fleet& all, gateway_node& gateway,
                             const std::string& network = "acme");

}  // namespace peerage::live
