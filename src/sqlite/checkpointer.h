// The thread that moves a database's write-ahead log into its file, on a connection of its own, so
// that no commit waits for it.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "sqlite/database.h"

namespace peerage::sqlite {

class checkpointer {
 public:
  explicit checkpointer(std::unique_ptr<database> db);
  /// Ends with what it was woken for.
  ~checkpointer();

  /// From any thread; several calls in a row are one.
  void wake();

 private:
  void loop();

  std::unique_ptr<database> db_;
  std::mutex mutex_;
  std::condition_variable woken_;
  bool due_ = false;       // by mutex_
  bool stopping_ = false;  // by mutex_
  std::thread thread_;     // last: it uses all of the above
};

}  // namespace peerage::sqlite
