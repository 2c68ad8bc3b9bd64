// Who watches what happens: each watcher has a queue of its own, and one that is too slow, or was
// without the bus for a while, is told that it has missed something. On the loop.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/signal.h"
#include "model/event.h"
#include "ports/clock.h"

namespace peerage {

/// What a watcher is told. Without an event: something was missed, list again.
struct told {
  std::uint64_t id = 0;  // grows within one process
  std::optional<event> what;
};

class watcher {
 public:
  using filter = std::function<bool(const event&)>;
  watcher(const asio::any_io_executor& loop, filter wanted, std::string token, std::string network)
      : wanted_(std::move(wanted)),
        token_(std::move(token)),
        network_(std::move(network)),
        more_(loop) {}

  /// The next one; nothing when none came until then.
  task<std::optional<told>> next(clock& time, steady_time until);

 private:
  friend class watchers;
  void tell(const told& one);

  filter wanted_;
  const std::string token_, network_;
  std::deque<told> waiting_;
  signal more_;
};

class watchers {
 public:
  explicit watchers(asio::any_io_executor loop) : loop_(std::move(loop)) {}

  /// From now on, until the watcher goes.
  std::shared_ptr<watcher> watch(watcher::filter wanted, std::string token, std::string network);
  /// How many there are of a token, and of the tokens of a network.
  std::size_t of_token(const std::string& token) const;
  std::size_t of_network(const std::string& network) const;
  void tell(const event& what);
  /// Something may have been missed by everybody.
  void gap();

 private:
  void tell_all(const told& one);

  asio::any_io_executor loop_;
  std::uint64_t last_ = 0;
  std::vector<std::weak_ptr<watcher>> all_;
};

}  // namespace peerage
