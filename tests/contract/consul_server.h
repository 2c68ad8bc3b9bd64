// A real Consul server for a test, on free ports of the loopback, and a TCP proxy that stands in
// front of it, counts and loses.
#pragma once

#include <sys/types.h>

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "async/task.h"
#include "http/message.h"

namespace peerage::contract {

class consul_server {
 public:
  /// Returns when it answers consistent reads. Throws std::runtime_error, with how to get one,
  /// where there is no consul: PEERAGE_CONSUL, then PATH, then build/tools of the working folder.
  /// `more` is added to its configuration (JSON). With an "https" port there it speaks both.
  explicit consul_server(const std::string& more = "{}");
  ~consul_server();
  consul_server(const consul_server&) = delete;
  consul_server& operator=(const consul_server&) = delete;

  /// The one that lives as long as the program.
  static consul_server& shared();

  std::string url() const;
  std::uint16_t port() const { return port_; }
  /// A request by hand. Throws where there is no answer.
  http::response ask(const std::string& method, const std::string& path, const std::string& query,
                     const std::string& body = {}) const;
  void stop();

 private:
  std::filesystem::path home_;
  std::uint16_t port_ = 0;
  pid_t pid_ = 0;
};

/// Everything that comes to it goes to `port` and back. Lives on the loop, ends with it.
class tcp_proxy {
 public:
  tcp_proxy(asio::io_context& loop, std::uint16_t port);
  std::string url() const;

  struct counts {
    int requests = 0;
    int writes = 0;  // transactions that write
    bool drop_answers = false;
    int wrong_indexes = 0;  // so many answers have `wrong_index` as their X-Consul-Index
    std::string wrong_index;
    std::string instead;  // unless empty, what comes in the place of every answer
    std::string tail;
  };
  counts& seen() { return *counts_; }

 private:
  std::shared_ptr<counts> counts_ = std::make_shared<counts>();
  std::uint16_t own_port_ = 0;
};

}  // namespace peerage::contract
