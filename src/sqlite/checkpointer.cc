#include "sqlite/checkpointer.h"

#include <utility>

namespace peerage::sqlite {

checkpointer::checkpointer(std::unique_ptr<database> db)
    : db_(std::move(db)), thread_([this] { loop(); }) {}

checkpointer::~checkpointer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  woken_.notify_one();
  thread_.join();
}

void checkpointer::wake() {
  {
    const std::lock_guard lock(mutex_);
    due_ = true;
  }
  woken_.notify_one();
}

void checkpointer::loop() {
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      woken_.wait(lock, [this] { return due_ || stopping_; });
      if (!due_) return;
      due_ = false;
    }
    db_->checkpoint();
  }
}

}  // namespace peerage::sqlite
