// What a creation can't do without, done plainly: one SQLite commit and one WireGuard device,
// beside those of the daemon. For the benchmarks' stand, from one thread; failures are exceptions.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "async/task.h"
#include "model/peer.h"
#include "ports/device.h"
#include "ports/link.h"

struct sqlite3;
struct sqlite3_stmt;

namespace peerage::bench {

/// A copy of a daemon's database, written through SQLite's own calls on the caller's thread, with
/// the pragmas of src/sqlite: WAL, every commit flushed to the disk.
class plain_database {
 public:
  explicit plain_database(const std::string& file);
  ~plain_database();
  plain_database(const plain_database&) = delete;
  plain_database& operator=(const plain_database&) = delete;

  /// One transaction: the next revision, and the peer's row with it.
  void put(const peer& row);
  /// Takes it out again, in a transaction of its own; and moves a long log into the file.
  void remove(const peer& row);
  /// Puts so many, each as `next` makes it: fast, and nothing is safe before it returns.
  void fill(std::uint32_t count, const std::function<peer()>& next);
  /// So many of the peers expire then.
  void let_expire(std::uint32_t count, wall_time when);
  static std::string version();

 private:
  sqlite3_stmt* prepare(const char* sql);
  void step(sqlite3_stmt* statement, int wanted);
  void check(int code);
  std::int64_t next_revision();
  void insert(const peer& row, std::int64_t revision);

  sqlite3* handle_ = nullptr;
  sqlite3_stmt* begin_ = nullptr;
  sqlite3_stmt* revise_ = nullptr;
  sqlite3_stmt* insert_ = nullptr;
  sqlite3_stmt* remove_ = nullptr;
  sqlite3_stmt* commit_ = nullptr;
  int log_pages_ = 0;
};

/// A WireGuard device as the daemon makes it, up and with a key; `kind` is "kernel" or "userspace".
struct plain_device {
  std::unique_ptr<peerage::link> interface;
  std::unique_ptr<peerage::device> peers;
};
task<plain_device> make_plain_device(asio::any_io_executor loop, std::string kind,
                                     std::string interface, std::uint16_t port, std::string log);

}  // namespace peerage::bench
