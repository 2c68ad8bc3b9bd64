// One party of the fleet: a real process on a host of its own, with a disk, a line and a calendar
// of its own, that can be frozen, killed and started again. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

#include "tests/live/process.h"

namespace peerage::chaos {

enum class role { consul, nats, api, gateway };

class party {
 public:
  /// `folder` is made. Its subfolder `disk` has 96 MB, and is all that the process writes to.
  party(role what, std::string name, unsigned number, const std::string& folder);
  ~party();
  party(const party&) = delete;
  party& operator=(const party&) = delete;

  const role what;
  const std::string name;  // and of its network namespace
  const std::string address;
  live::program command;  // set before the first start()

  std::string disk() const { return folder_ + "/disk"; }
  std::string file(const std::string& called) const { return folder_ + "/" + called; }
  std::string log_file() const { return folder_ + "/log"; }

  void start();
  /// With SIGKILL, or SIGTERM and, 20 s later, that.
  void kill();
  void stop();
  void freeze();
  void thaw();
  /// As a service manager does: starts again what has ended by itself. What it had ended with.
  std::optional<int> watch_over();

  void move_clock(std::int64_t seconds);
  std::int64_t clock_moved_by() const { return moved_.load(); }
  void fill_disk();
  void clear_disk();

 private:
  void set_clock(std::int64_t nanoseconds) const;

  std::string folder_;
  std::atomic<std::int64_t> moved_ = 0;
  std::mutex mutex_;
  std::optional<live::process> process_;
};

}  // namespace peerage::chaos
