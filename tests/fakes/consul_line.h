// Connections to a Consul in memory over which requests and answers wait until a test lets them go
// on, or loses them: what a network, a slow server and a slow host do to transactions.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "async/signal.h"
#include "consul/requester.h"
#include "tests/fakes/consul_kv.h"

namespace peerage::fakes {

class consul_line {
 public:
  explicit consul_line(consul_kv& to) : to_(to) {}

  /// A request that has been sent and not been answered.
  struct exchange {
    exchange(const asio::any_io_executor& loop, http::request what, bool writes)
        : asked(std::move(what)), writing(writes), woken(loop) {}
    http::request asked;
    bool writing;
    std::optional<http::response> answer;           // once the server has done it
    std::optional<result<http::response>> arrived;  // at the caller
    signal woken;
  };
  std::vector<std::shared_ptr<exchange>> under_way;

  consul::connector connector(asio::any_io_executor loop);

  /// The server does what was asked.
  void reach(exchange& one) { one.answer = to_.answer(one.asked); }
  /// The answer arrives; without one it is lost, and so is the question where it was not reached.
  void arrive(const std::shared_ptr<exchange>& one, bool lost);

 private:
  consul_kv& to_;
};

}  // namespace peerage::fakes
