// The calls of processes on their ports that the world has not ended yet. A call goes through its
// stages (each does, or sees, something in the world), then its answer waits, then it arrives.
// The seed decides when, and what goes wrong instead.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "async/signal.h"
#include "base/error.h"
#include "base/time.h"
#include "tests/sim/dice.h"

namespace peerage::sim {

enum class port { store, device };

struct open_call {
  open_call(const asio::any_io_executor& loop, std::string owner, port at, std::string what)
      : process(std::move(owner)), where(at), text(std::move(what)), woken(loop) {}
  virtual ~open_call() = default;

  std::string process;  // "api-1", "gw-2"
  port where;
  std::string text;      // for the trace
  bool writing = false;  // its loss leaves a doubt
  /// Does the next stage; true after the last one.
  std::function<bool(dice&)> act;
  /// Whether there is something to do yet; absent: always.
  std::function<bool()> ready;
  std::optional<std::size_t> rests_until;  // a step
  std::optional<steady_time> until;        // its caller waits so long
  bool done = false;                       // all stages
  bool over = false;                       // the answer has arrived, or will not
  signal woken;

  virtual void fail_with(error why) = 0;
  void end() {
    over = true;
    woken.notify();
  }
};

template <class T>
struct call_for final : open_call {
  using open_call::open_call;
  void fail_with(error why) override {
    answer.emplace(std::unexpected(std::move(why)));
    end();
  }
  std::optional<result<T>> answer;
};

/// All of them, in the order in which they began.
class open_calls {
 public:
  std::vector<std::shared_ptr<open_call>> all;
  /// Told of a write that nobody waits for any more and that has not been done.
  std::function<void(std::shared_ptr<open_call>)> orphaned;

  void leave(const std::shared_ptr<open_call>& one) {
    std::erase(all, one);
    if (one->writing && !one->done && orphaned) orphaned(one);
  }
};

/// Until the world ends it. Cancelled, or with its process gone, it leaves the list.
template <class T>
task<result<T>> until_answered(open_calls& calls, std::shared_ptr<call_for<T>> mine) {
  struct listed {
    open_calls& in;
    std::shared_ptr<open_call> one;
    ~listed() { in.leave(one); }
  };
  calls.all.push_back(mine);
  const listed until_then{calls, mine};
  while (!mine->over) co_await mine->woken.wait();
  co_return std::move(*mine->answer);
}

}  // namespace peerage::sim
