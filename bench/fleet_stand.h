// A fleet for a benchmark: one Consul and one NATS, and for each number of peers an API process and
// a gateway of their own, under a prefix of their own in Consul. Made by a benchmark's main, used
// on its loop, in the namespaces that in_own_place() makes; failures are exceptions.
#pragma once

#include <sys/types.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "async/task.h"
#include "bench/report.h"
#include "http/client.h"
#include "json/json.h"
#include "model/apply.h"

namespace peerage::bench {

/// Where the two servers listen, on the loopback.
struct servers {
  std::uint16_t consul = 8'500;
  std::uint16_t nats = 4'222;
};

struct server_processes {
  pid_t consul = 0;
  pid_t nats = 0;
};
/// Starts both and waits until they answer. `consul_program` is its path.
task<server_processes> start_servers(asio::any_io_executor loop, servers where,
                                     std::string consul_program, std::string folder);

struct fleet_options {
  std::string bin_dir;
  std::string folder;   // of its own, made here
  unsigned number = 0;  // tells several apart
  std::uint32_t peers = 0;
  servers where;
  std::uint16_t gateways_consul = 0;  // a proxy's port; 0: Consul itself
};

class fleet_stand {
 public:
  fleet_stand(asio::any_io_executor loop, fleet_options options);

  /// Puts the peers into Consul, starts both processes, and returns when the device has them all.
  task<> prepare();

  struct created {
    std::string name;
    public_key key;
    std::chrono::steady_clock::duration took{};
    std::array<double, stage_names.size()> stages{};  // milliseconds, as answered
  };
  /// Over a connection of the caller's own; an exception unless it is live.
  task<created> create(http::client& over);
  /// The same where NATS is away: an exception unless it is pending.
  task<created> create_pending(http::client& over);
  /// 204: gone from the device; 202, where NATS is away: still pending.
  task<> remove(http::client& over, std::string name, int wanted_status = 204);
  task<std::chrono::steady_clock::duration> call_nothing(http::client& over);
  http::client connect();

  std::uint32_t peers() const { return options_.peers; }
  /// They share one NATS.
  std::string gateway() const { return "gw-bench-" + std::to_string(options_.number); }
  std::string prefix() const { return "bench" + std::to_string(options_.number) + "/"; }

  std::string interface() const { return "wgbench" + std::to_string(options_.number); }
  pid_t api_process() const { return api_; }
  pid_t gateway_process() const { return gateway_; }

 private:
  task<created> create_as(http::client& over, int wanted_status);
  task<> fill_consul();
  task<pid_t> start_one(std::string role, std::string section, std::string until);
  task<> await_gateway();
  http::request request(std::string method, std::string path) const;
  assignment next_assignment();

  asio::any_io_executor loop_;
  fleet_options options_;
  std::mt19937_64 random_;
  std::string token_;
  pid_t api_ = 0, gateway_ = 0;
};

/// A request to Consul; its answer's body. An exception for any other status than 200.
task<std::string> ask_consul(http::client& over, std::string method, std::string path,
                             std::string query, std::string body);
http::client connect_to(asio::any_io_executor loop, std::uint16_t port);

}  // namespace peerage::bench
