// Group commit: while one transaction is under way the next changes collect, and go together as far
// as Consul's 64 operations allow. Owned by the store through a shared pointer, which the coroutine
// that sends also holds while there is something to send: it ends within one call's deadline after
// stop(). On the loop's thread.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "async/signal.h"
#include "consul/calls.h"
#include "consul/change.h"
#include "consul/rings.h"
#include "ports/clock.h"

namespace peerage::consul {

/// How a change ended: done, or refused by Consul for what is in `refused`, or failed.
struct outcome {
  std::optional<revision> done;
  std::vector<blame> refused;  // in the order of the steps
  std::optional<error> failed;
};

class writer : public std::enable_shared_from_this<writer> {
 public:
  /// `api` names the rings of this process; `time` outlives the writer's store.
  writer(asio::any_io_executor loop, clock& time, std::shared_ptr<calls> to, key_space keys,
         std::string api);

  /// Errors: those of calls::write(); errc::full for a change of more than 64 operations;
  /// errc::unavailable too when 4,096 changes wait already. Cancelling leaves the change under way.
  task<outcome> send(change what);

  /// From now on the rings say so. What was written in another epoch is evidence of nothing.
  void set_epoch(std::string epoch);

  /// A ring that this process wrote, and the index that it got; nobody else writes it. Where the
  /// store has it with a lower index, the past has come back.
  struct evidence {
    std::string gateway, key;
    std::uint64_t index = 0;
  };
  /// What was written since vouched(), and what was written last before it: a restore loses the
  /// last writes, whatever is written after it.
  std::vector<evidence> written() const;
  /// The store has been seen with all of these, or their gateway is gone.
  void vouched(const std::vector<evidence>& all);
  /// A ring was found that is older than this process has written it. Nothing is written from then
  /// on, errc::unavailable, until set_epoch() has another.
  bool has_lost() const { return lost_; }
  void forget_written();
  /// The epoch and written() as text, for the next start of this process; "" where there is none.
  std::string last_writes() const;
  /// Takes what last_writes() said before a restart: the epoch that it speaks of; "" where it can't
  /// be read.
  std::string take_last_writes(std::string_view text);

  /// What has not been sent ends with errc::unavailable.
  void stop();

 private:
  struct pending;
  struct group;
  // What this process knows of one of its rings; nobody else writes it.
  struct kept_ring {
    ring what;
    std::uint64_t index = 0;  // 0: there is none
  };

  // What this process knows of a token's count; others write it too.
  struct kept_count {
    std::int64_t used = 0;
    std::uint64_t index = 0;  // 0: there is none
  };

  task<> run(std::shared_ptr<writer> self);
  std::deque<std::shared_ptr<pending>> take();
  task<result<>> load_rings(const group& of);
  task<result<>> load_counts(group& of);
  std::set<std::string> add_up(group& of, std::vector<bool>& fits) const;
  void compose(group& of);
  void compose_marks(group& of);
  void settle(group& of, result<txn_answer> answer);
  void settle_refused(group& of, const txn_answer& answer);
  void forget(const group& of);
  static void finish(pending& one, outcome how);

  asio::any_io_executor loop_;
  clock& clock_;
  std::shared_ptr<calls> calls_;
  key_space keys_;
  std::string api_;
  std::uint64_t nonce_;
  std::string epoch_;  // of the store; empty: not read yet
  bool running_ = false;
  bool stopped_ = false;
  std::deque<std::shared_ptr<pending>> queue_;
  std::map<std::string, kept_ring> rings_;    // by gateway; "-": changes of none
  std::map<std::string, kept_count> counts_;  // by token
  std::map<std::string, evidence> written_;   // by gateway
  std::string last_;                          // the gateway of the newest of them
  bool lost_ = false;
};

}  // namespace peerage::consul
