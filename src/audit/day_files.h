// The audit's files: a folder with one file of lines for each day in UTC, "2026-11-28.jsonl", 0600.
// Plain blocking I/O, for one thread; this room alone.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"

namespace peerage::audit {

/// The name of a day: "2026-11-28".
std::string day_of(wall_time time);

/// The day so many days before that one.
std::string days_before(const std::string& day, std::chrono::days many);

struct found_lines {
  std::vector<std::string> lines;  // newest first, without their newlines
  std::string next;                // where to go on; "" at the end of everything
};

class day_files {
 public:
  /// The folder is made, 0700, where it is absent.
  explicit day_files(std::string folder) : folder_(std::move(folder)) {}
  ~day_files();
  day_files(const day_files&) = delete;
  day_files& operator=(const day_files&) = delete;

  /// To the end of the day's file: whole lines, each with its newline. What an earlier process left
  /// unfinished there stays a line of its own. errc::io.
  result<> append(const std::string& day, std::string_view lines);

  /// The newest lines before the place, which is "" for the newest of all. errc::invalid for a
  /// place that none was; errc::io.
  result<found_lines> before(const std::string& place, std::size_t limit) const;

  /// Removes the oldest days, and never `kept`, until all are at most so large together; how large
  /// they are then. errc::io.
  result<std::uint64_t> shrink_to(std::uint64_t bytes, const std::string& kept) const;

  /// How much is free on the folder's disk; nothing where that can't be told.
  std::optional<std::uint64_t> room() const;

  /// Removes every day before that one. errc::io.
  result<> forget_before(const std::string& day) const;

 private:
  result<> open(const std::string& day);
  std::string path_of(const std::string& day) const { return folder_ + "/" + day + ".jsonl"; }
  std::vector<std::string> days() const;

  std::string folder_;
  std::string day_;  // of the open file
  int file_ = -1;
};

}  // namespace peerage::audit
