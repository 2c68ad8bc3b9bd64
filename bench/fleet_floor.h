// What a creation in a fleet can't do without, each alone over kept connections: a NATS request and
// its reply, and one Consul transaction of a creation's operations. Used by a benchmark, on its
// loop; failures are exceptions.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <thread>

#include "async/task.h"
#include "http/client.h"
#include "json/json.h"

namespace peerage::bench {

/// NATS by its protocol, without a library: the least that a request and its reply can cost.
class plain_nats {
 public:
  plain_nats(std::uint16_t port, const std::string& subject);
  ~plain_nats();
  plain_nats(const plain_nats&) = delete;
  plain_nats& operator=(const plain_nats&) = delete;

  /// A request of 450 bytes and an answer of 200: as an enrolment's are.
  void round_trip();

 private:
  void answer();

  int asker_;
  int answerer_;
  std::string subject_;
  std::thread answering_;
};

/// The operations of a creation, with values of its size, under keys of their own.
class plain_consul {
 public:
  plain_consul(asio::any_io_executor loop, std::uint16_t port, std::string prefix);

  task<> prepare();
  /// How long the transaction took.
  task<std::chrono::steady_clock::duration> once();

 private:
  json::object check(const std::string& key, std::uint64_t index) const;
  json::object cas(const std::string& key, const std::string& value, std::uint64_t index) const;
  task<std::uint64_t> index_of(std::string path);

  http::client over_;
  std::string prefix_;
  std::uint64_t network_ = 0, gateway_ = 0, ring_ = 0;
};

}  // namespace peerage::bench
