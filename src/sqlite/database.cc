#include "sqlite/database.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace peerage::sqlite {

run::~run() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

run& run::bind(int at, std::string_view text) {
  // A null pointer would bind NULL, which compares with nothing.
  const char* data = text.data() == nullptr ? "" : text.data();
  sqlite3_bind_text(statement_, at, data, static_cast<int>(text.size()), SQLITE_TRANSIENT);
  return *this;
}

run& run::bind(int at, std::span<const std::uint8_t> bytes) {
  sqlite3_bind_blob(statement_, at, bytes.data(), static_cast<int>(bytes.size()), SQLITE_TRANSIENT);
  return *this;
}

run& run::bind(int at, std::int64_t number) {
  sqlite3_bind_int64(statement_, at, number);
  return *this;
}

run& run::bind_null(int at) {
  sqlite3_bind_null(statement_, at);
  return *this;
}

run::step run::next() {
  switch (sqlite3_step(statement_) & 0xff) {
    case SQLITE_ROW: return step::row;
    case SQLITE_DONE: return step::done;
    case SQLITE_CONSTRAINT: return step::constraint;
    case SQLITE_BUSY: return step::busy;
    default: return step::failed;
  }
}

std::string run::text(int column) const {
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  const int size = sqlite3_column_bytes(statement_, column);
  return data == nullptr ? std::string() : std::string(data, static_cast<std::size_t>(size));
}

std::int64_t run::number(int column) const {
  return sqlite3_column_int64(statement_, column);
}

std::span<const std::uint8_t> run::bytes(int column) const {
  const auto* data = static_cast<const std::uint8_t*>(sqlite3_column_blob(statement_, column));
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

bool run::null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

result<std::unique_ptr<database>> database::open(const std::string& file) {
  // SQLite would make it readable for everyone; the log files take the mode of this one. A file
  // that is there already is not opened here: closing it would drop the locks that this process's
  // other connections have on it, and whoever else closes the database would then believe to be the
  // last, and remove the log with what was committed.
  const int made = ::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (made < 0 && errno != EEXIST) return fail(errc::io, file + ": " + std::strerror(errno));
  if (made >= 0) ::close(made);

  std::unique_ptr<database> opened(new database);
  opened->file_ = file;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  if (sqlite3_open_v2(file.c_str(), &opened->handle_, flags, nullptr) != SQLITE_OK) {
    return std::unexpected(opened->failure("can't be opened"));
  }
  sqlite3_busy_timeout(opened->handle_, 5'000);
  sqlite3_wal_hook(
      opened->handle_,
      [](void* self, sqlite3*, const char*, int pages) {
        static_cast<database*>(self)->log_pages_ = pages;
        return SQLITE_OK;
      },
      opened.get());
  if (auto set = opened->execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                                 "PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;"
                                 "PRAGMA trusted_schema = OFF");
      !set) {
    return std::unexpected(set.error());
  }
  return opened;
}

database::~database() {
  for (const auto& [sql, statement] : prepared_) sqlite3_finalize(statement);
  sqlite3_close(handle_);
}

result<> database::execute(const std::string& sql) {
  if (sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    return std::unexpected(failure("can't be used"));
  }
  return {};
}

result<> database::repeat(std::string_view sql) {
  run statement = prepare(sql);
  if (statement.next() != run::step::done) return std::unexpected(failure("can't be used"));
  return {};
}

run database::prepare(std::string_view sql) {
  sqlite3_stmt*& statement = prepared_[sql];
  if (statement == nullptr) {
    const int size = static_cast<int>(sql.size());
    const int code = sqlite3_prepare_v3(handle_, sql.data(), size, SQLITE_PREPARE_PERSISTENT,
                                        &statement, nullptr);
    if (code != SQLITE_OK) {
      prepared_.erase(sql);
      throw std::logic_error(file_ + ": " + last_message() + ": " + std::string(sql));
    }
  }
  return run(statement);
}

error database::failure(std::string_view what) const {
  const int code = sqlite3_errcode(handle_) & 0xff;
  if (code == SQLITE_FULL) return {errc::full, file_ + ": the disk is full", "disk"};
  const bool passing = code == SQLITE_BUSY || code == SQLITE_LOCKED;
  const bool damaged = code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
  const errc sort = passing ? errc::unavailable : damaged ? errc::corrupt : errc::io;
  return {sort, file_ + " " + std::string(what) + ": " + last_message(), {}};
}

std::string database::last_message() const {
  return handle_ == nullptr ? "out of memory" : sqlite3_errmsg(handle_);
}

void database::checkpoint() {
  // PASSIVE takes what it can and waits for nobody; what is left is taken the next time.
  if (sqlite3_wal_checkpoint_v2(handle_, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr) ==
      SQLITE_OK) {
    log_pages_ = 0;
  }
}

}  // namespace peerage::sqlite
