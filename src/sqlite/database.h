// One SQLite connection and its prepared statements, with errors as values. Used by one thread at a
// time; the .cc files of this room are the only ones that name SQLite.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/error.h"

struct sqlite3;
struct sqlite3_stmt;

namespace peerage::sqlite {

/// One run of a statement. Binding counts from 1, columns from 0. Resets itself when it goes.
class run {
 public:
  explicit run(sqlite3_stmt* statement) : statement_(statement) {}
  run(run&& other) noexcept : statement_(std::exchange(other.statement_, nullptr)) {}
  run(const run&) = delete;
  ~run();

  run& bind(int at, std::string_view text);
  run& bind(int at, std::span<const std::uint8_t> bytes);
  run& bind(int at, std::int64_t number);
  run& bind_null(int at);

  enum class step { row, done, busy, constraint, failed };
  step next();

  enum class type { null, integer, real, text, blob };
  type type_of(int column) const;
  std::string name_of(int column) const;  // as the statement calls it

  std::string text(int column) const;
  std::int64_t number(int column) const;
  std::span<const std::uint8_t> bytes(int column) const;
  bool null(int column) const;

 private:
  sqlite3_stmt* statement_;
};

class database {
 public:
  /// Opens the file, made 0600 when absent, in WAL mode with `synchronous = FULL`.
  /// errc::io with the file's name.
  static result<std::unique_ptr<database>> open(const std::string& file);
  /// For reading alone, a file that is there and that nobody has open; also from a disk that can't
  /// be written.
  static result<std::unique_ptr<database>> open_to_read(const std::string& file);
  /// An empty file that is there, for copy_into(). It is written through no log, and not fsynced.
  static result<std::unique_ptr<database>> open_to_fill(const std::string& file);
  ~database();

  /// Statements without an answer. errc::io, errc::unavailable (it is busy), errc::full with field
  /// "disk".
  result<> execute(const std::string& sql);
  /// The same for one statement that comes again and again: prepared once.
  result<> repeat(std::string_view sql);
  /// A statement, prepared once for each text. The text must be valid: it is the program's own.
  run prepare(std::string_view sql);
  /// What failed last, as an error; `what` says what was being done.
  error failure(std::string_view what) const;
  std::string last_message() const;

  /// How many pages the write-ahead log has grown to, as this connection's last commit saw it.
  int log_pages() const { return log_pages_; }
  /// All of it as it is at this moment, whoever writes meanwhile.
  result<> copy_into(database& to);
  /// Moves what it can of the log into the file, and waits for nobody; another connection goes on
  /// writing meanwhile.
  void checkpoint();

 private:
  database() = default;
  static result<std::unique_ptr<database>> open_with(const std::string& name, int flags,
                                                     const std::string& pragmas);

  std::string file_;
  sqlite3* handle_ = nullptr;
  std::unordered_map<std::string_view, sqlite3_stmt*> prepared_;
  int log_pages_ = 0;
};

}  // namespace peerage::sqlite
