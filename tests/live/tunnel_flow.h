// Traffic through a tunnel that has to go on whatever the daemon does. For tests alone.
#pragma once

#include <string>
#include <vector>

#include "tests/live/process.h"
#include "tests/live/wireguard.h"

namespace peerage::live {

/// A ping every 5 ms through a tunnel, from a client's host.
class tunnel_flow {
 public:
  tunnel_flow(const client_host& from, const std::string& to, const std::string& log_file);

  std::size_t replies() const { return sequence().size(); }
  /// Until so many more have come.
  void go_on_for(std::size_t more);
  /// Ends it. Every packet but one under way has come back, in order, once.
  void expect_nothing_lost();

 private:
  std::vector<std::size_t> sequence() const;

  std::string log_file_;
  process process_;
};

}  // namespace peerage::live
