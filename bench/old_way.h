// The old way to put a peer on a gateway, as bench/old-way/README.md has it, to be measured beside
// ours. Made by a benchmark's main, used on its loop; failures are exceptions.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "bench/fleet_stand.h"
#include "bench/floor.h"

namespace peerage::bench {

struct old_way_options {
  std::string consul_program;
  std::string folder;   // of its own, made here
  unsigned number = 0;  // tells several apart
  std::uint32_t peers = 0;
  servers where;
};

class old_way {
 public:
  old_way(asio::any_io_executor loop, old_way_options options);
  ~old_way();
  old_way(const old_way&) = delete;
  old_way& operator=(const old_way&) = delete;

  /// Puts the peers into Consul, starts the watch, and returns when the device has them all.
  task<> prepare();
  /// From the key's write into Consul to its peer on the device. The peer is gone again when this
  /// returns.
  task<std::chrono::steady_clock::duration> create();

 private:
  task<> await_device(std::string after, std::string key, bool there);
  std::string applied() const;

  asio::any_io_executor loop_;
  old_way_options options_;
  http::client consul_;
  plain_device device_;
  pid_t watch_ = 0;
  std::uint32_t made_ = 0;
};

}  // namespace peerage::bench
