// The thread that writes: it takes every transaction that waits, makes one commit of them, and
// tells each how it ended. While one commit is under way the next ones collect, so that many
// callers share one flush to the disk and a single caller waits for exactly one.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "model/record.h"
#include "sqlite/changes.h"
#include "sqlite/checkpointer.h"
#include "sqlite/database.h"
#include "sqlite/reserve.h"

namespace peerage::sqlite {

struct committed {
  revision at;
  std::vector<touched> keys;
};

class writer {
 public:
  /// Called on the writer's thread, once for each transaction, in the order of their revisions.
  using done = std::function<void(result<committed>)>;

  /// `beside` is another connection to the same file.
  writer(std::unique_ptr<database> db, std::unique_ptr<database> beside, reserve space);
  /// Writes what was taken, then ends.
  ~writer();

  /// From any thread. errc::unavailable through `done` when too many wait already.
  void submit(transaction writes, done tell);

 private:
  struct job {
    transaction writes;
    done tell;
    result<committed> outcome = committed{};
  };

  void loop();
  void tend_log();
  void write_batch(std::deque<job>& batch);
  bool try_batch(std::deque<job>& batch);
  result<committed> write_one(const transaction& writes);
  result<> write(const peerage::write& one, committed& into);
  result<> check_network(const put& wanted, bool replace);
  std::unexpected<error> constraint_failure(const peerage::write& one);
  result<bool> check(const record_key& key, const expectation& expected,
                     std::vector<touched>* replaced = nullptr);

  std::unique_ptr<database> db_;
  checkpointer checkpointer_;
  reserve space_;
  int asked_at_ = 0;  // pages of the log when the checkpointer was last woken
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<job> waiting_;  // by mutex_
  bool stopping_ = false;    // by mutex_
  std::thread thread_;       // last: it uses all of the above
};

}  // namespace peerage::sqlite
