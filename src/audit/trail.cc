#include "audit/trail.h"

#include <algorithm>
#include <atomic>
#include <boost/asio/post.hpp>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

#include "async/signal.h"
#include "audit/day_files.h"
#include "log/log.h"
#include "wire/audit.h"

namespace peerage {
namespace {

// So long after the first of them, entries are written together: waking for each would cost more
// than writing it.
constexpr milliseconds gather{20};

/// Entries and questions, in the order in which they came; run by the thread.
class trail final : public audit_trail {
 public:
  trail(asio::any_io_executor loop, wall_time now, audit_options options)
      : loop_(std::move(loop)),
        options_(std::move(options)),
        files_(options_.folder),
        day_(audit::day_of(now)),
        thread_([this] { work(); }) {}

  ~trail() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }
  trail(const trail&) = delete;
  trail& operator=(const trail&) = delete;

  void note(audit_entry what) override {
    {
      const std::lock_guard lock(mutex_);
      if (entries_.size() >= options_.most_waiting) {
        ++lost_;
        return;
      }
      entries_.push_back(std::move(what));
      if (entries_.size() > 1) return;  // the thread gathers what follows the first
    }
    wake_.notify_one();
  }

  task<result<audit_page>> read(std::string from, std::size_t limit) override {
    struct waiting {
      explicit waiting(const asio::any_io_executor& on) : done(on) {}
      signal done;
      result<audit_page> answer = audit_page{};
    };
    // Shared, so that a caller that was cancelled leaves nothing for the thread to trip over.
    auto mine = std::make_shared<waiting>(loop_);
    {
      const std::lock_guard lock(mutex_);
      questions_.push_back([this, mine, loop = loop_, from = std::move(from), limit] {
        auto answer = page(from, limit);
        asio::post(loop, [mine, answer = std::move(answer)]() mutable {
          mine->answer = std::move(answer);
          mine->done.notify();
        });
      });
    }
    wake_.notify_one();
    co_await mine->done.wait();
    co_return std::move(mine->answer);
  }

  std::uint64_t lost() const override { return lost_; }

 private:
  void work() {
    forget(day_);
    if (const auto size = files_.shrink_to(options_.most_bytes, day_)) bytes_ = *size;
    for (;;) {
      std::deque<audit_entry> entries;
      std::deque<std::function<void()>> questions;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [this] { return stopping_ || !entries_.empty() || !questions_.empty(); });
        const auto hurry = [this] { return stopping_ || !questions_.empty(); };
        wake_.wait_for(lock, gather, hurry);
        if (entries_.empty() && questions_.empty()) return;
        entries.swap(entries_);
        questions.swap(questions_);
      }
      write(entries);
      for (const auto& each : questions) each();
    }
  }

  /// One write for each day that they are of.
  void write(const std::deque<audit_entry>& entries) {
    for (auto at = entries.begin(); at != entries.end();) {
      const std::string day = audit::day_of(at->at);
      const auto first = at;
      std::string lines;
      for (; at != entries.end() && audit::day_of(at->at) == day; ++at) {
        lines += wire::write(*at) + "\n";
      }
      const auto written = append(day, lines);
      if (!written) lost_ += static_cast<std::uint64_t>(at - first);
      if (well_ && !written)
        log::error("audit can't be written", {{"why", written.error().message}});
      if (!well_ && written) log::info("audit is written again", {{"lost", lost_.load()}});
      well_ = written.has_value();
      if (day == day_) continue;
      day_ = day;
      forget(day);
    }
  }

  /// Within the bounds of all files together, and of the disk.
  result<> append(const std::string& day, const std::string& lines) {
    const auto room = files_.room();
    if (room && *room < options_.leave_free + lines.size()) {
      return fail(errc::io, "the disk is nearly full; what is free is left to the store");
    }
    if (bytes_ + lines.size() > options_.most_bytes) {
      const auto wanted = std::min<std::uint64_t>(lines.size(), options_.most_bytes);
      auto left = files_.shrink_to(options_.most_bytes - wanted, day);
      if (!left) return std::unexpected(std::move(left.error()));
      bytes_ = *left;
      if (bytes_ + lines.size() > options_.most_bytes) {
        return fail(errc::io, "this day alone is as large as the audit may be");
      }
    }
    auto written = files_.append(day, lines);
    if (written) bytes_ += lines.size();
    return written;
  }

  void forget(const std::string& today) {
    if (const auto done = files_.forget_before(audit::days_before(today, options_.keep)); !done) {
      log::warning("audit is kept too long", {{"why", done.error().message}});
    }
  }

  result<audit_page> page(const std::string& from, std::size_t limit) const {
    auto found = files_.before(from, limit);
    if (!found) return std::unexpected(std::move(found.error()));
    audit_page made;
    if (!found->next.empty()) made.next = std::move(found->next);
    for (const std::string& line : found->lines) {
      // What is none was cut off by a crash.
      if (auto entry = wire::read_audit_entry(line)) made.items.push_back(*std::move(entry));
    }
    return made;
  }

  asio::any_io_executor loop_;
  const audit_options options_;
  std::atomic<std::uint64_t> lost_ = 0;

  // The thread's own.
  audit::day_files files_;
  std::string day_;
  bool well_ = true;
  std::uint64_t bytes_ = 0;  // of all files, or more

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<audit_entry> entries_;
  std::deque<std::function<void()>> questions_;  // one for each request that is under way
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace

std::unique_ptr<audit_trail> make_audit_trail(asio::any_io_executor loop, wall_time now,
                                              audit_options options) {
  return std::make_unique<trail>(std::move(loop), now, std::move(options));
}

}  // namespace peerage
