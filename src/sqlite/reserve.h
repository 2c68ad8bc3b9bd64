// A file beside the database that takes up space, so that a full disk still has room for removals:
// it is cut by a quarter whenever the disk is full, and filled again when there is space. While it
// is not whole, creations are refused. Used by one thread at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace peerage::sqlite {

class reserve {
 public:
  /// `bytes` 0: there is no reserve, and a full disk refuses removals too. `tell` is called with
  /// whether the disk is full, and how much of the reserve there is then, whenever the first
  /// changes; it may be empty.
  using teller = std::function<void(bool full, std::uint64_t held)>;
  reserve(std::string file, std::uint64_t bytes, teller tell);

  /// Before the database is opened, which takes some space: makes the file where it is absent, and
  /// gives up a part of it where the disk is full.
  void open();
  /// Whether the disk is full, and creations are refused.
  bool given_up() const { return given_up_; }
  /// The disk was found full. Whether this made space.
  bool give_up();
  /// Where the file is not whole: makes it so if there is then as much space left beside it. Looks
  /// once a second at most.
  void restore();

 private:
  bool make();
  std::optional<std::uint64_t> free_bytes() const;
  void set(bool given_up);

  std::string file_;
  std::uint64_t bytes_;
  teller tell_;
  std::uint64_t held_ = 0;
  bool given_up_ = false;
  std::optional<std::chrono::steady_clock::time_point> looked_;
};

}  // namespace peerage::sqlite
