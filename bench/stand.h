// A daemon with so many peers, and beside it a database and a device of the same size to measure
// the parts on. Made by a benchmark's main, used on its loop; failures are exceptions. Whatever it
// measures it undoes again, unmeasured, so that the number of peers stays.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "bench/floor.h"
#include "bench/report.h"
#include "http/client.h"
#include "json/json.h"
#include "model/device.h"
#include "model/record.h"

namespace peerage::bench {

struct stand_options {
  std::string bin_dir;  // where peeraged is
  std::string folder;   // of its own, made here
  unsigned number = 0;  // tells interfaces, ports and prefixes of several stands apart
  std::uint32_t peers = 0;
  bool alone = false;  // without the database and the device beside it
};

class stand {
 public:
  stand(asio::any_io_executor loop, stand_options options);

  /// Stores the peers, starts the daemon, and returns when its device has them all.
  task<> prepare();

  /// What its start to a device with every peer took.
  task<std::chrono::steady_clock::duration> start_daemon();
  task<> stop_daemon();
  /// While the daemon is stopped: so many of the peers expire then.
  void let_expire(std::uint32_t count, wall_time when) const;
  pid_t daemon() const { return daemon_; }
  std::string log() const { return options_.folder + "/peeraged.log"; }
  std::string interface() const { return "wgbench" + std::to_string(options_.number); }

  /// Does the part once. With `keep` the time it took is entered into values().
  task<> once(part which, bool keep);

  const measured& values() const { return values_; }
  const std::string& device_kind() const { return device_kind_; }

 private:
  using duration = std::chrono::steady_clock::duration;

  peer next_peer();
  task<> fill_store();
  task<> fill_device();
  task<http::response> send(http::request wanted);
  http::request request(std::string method, std::string path) const;
  task<duration> create(bool keep);
  task<duration> commit();
  task<duration> add_to_device();
  task<duration> call_nothing();
  void keep_stages(const json::value& answer);
  std::string called() const;

  asio::any_io_executor loop_;
  stand_options options_;
  prefix range_;  // of the only network
  std::mt19937_64 random_;
  std::vector<device_change> existing_;  // until the device has them
  std::string token_;
  std::string device_kind_;
  std::optional<http::client> client_;
  std::unique_ptr<plain_database> database_;
  plain_device device_;
  pid_t daemon_ = 0;
  measured values_;
};

}  // namespace peerage::bench
