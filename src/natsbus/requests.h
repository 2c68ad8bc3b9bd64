// The requests that are on their way over one connection, each matched with its answer. Owned by
// whoever owns the connection, and by every request under way. Inside this room.
//
// Each request under way has a lane: a subscription of its own, kept for later requests, so that
// an answer and the server's "nobody is there", which names no subject, belong to one request. A
// lane whose request was not answered is not used again: what comes late finds nobody.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "async/task.h"
#include "base/error.h"
#include "base/time.h"
#include "natsbus/connection.h"
#include "ports/clock.h"

namespace peerage::nats {

class requests : public std::enable_shared_from_this<requests> {
 public:
  requests(asio::any_io_executor loop, clock& time, std::shared_ptr<connection> over);

  /// Whether an answer is the one that was asked for; what is not is passed over.
  using judge = std::function<bool(const message&)>;

  /// The answer's payload. errc::unavailable: nobody heard it, or it was not sent. errc::timeout:
  /// no answer until `deadline`, the connection was lost, or the caller was cancelled.
  task<result<std::string>> ask(std::string subject, std::string payload, std::string seal,
                                judge believes, steady_time deadline);

  /// Every request under way ends with errc::timeout: somebody may have heard it.
  void lost();

  std::size_t under_way() const { return under_way_.size(); }

 private:
  struct call;
  struct lane;
  class turn;

  std::shared_ptr<lane> take_lane();
  void give_back(const std::shared_ptr<lane>& used, bool answered);
  static void hear(lane& at, const message& heard);

  asio::any_io_executor loop_;
  clock& time_;
  std::shared_ptr<connection> over_;
  std::string inbox_;
  std::uint64_t lanes_made_ = 0;
  std::vector<std::shared_ptr<lane>> idle_;
  std::vector<lane*> under_way_;
};

}  // namespace peerage::nats
