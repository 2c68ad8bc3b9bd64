#include "sqlite/database.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <system_error>

#include "base/base64.h"
#include "base/private_file.h"

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

run::type run::type_of(int column) const {
  switch (sqlite3_column_type(statement_, column)) {
    case SQLITE_INTEGER: return type::integer;
    case SQLITE_FLOAT: return type::real;
    case SQLITE_TEXT: return type::text;
    case SQLITE_BLOB: return type::blob;
    default: return type::null;
  }
}

std::string run::name_of(int column) const {
  const char* name = sqlite3_column_name(statement_, column);
  return name == nullptr ? std::string() : name;
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
  for (const char* each : {"", "-wal", "-shm", "-journal"}) {
    if (auto plain = refuse_symlink(file + each); !plain) {
      return std::unexpected(std::move(plain.error()));
    }
  }
  // SQLite would make it readable for everyone; the log files take the mode of this one. A file
  // that is there already is not opened here: closing it would drop the locks that this process's
  // other connections have on it, and whoever else closes the database would then believe to be the
  // last, and remove the log with what was committed.
  const int made = ::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (made < 0 && errno != EEXIST) return fail(errc::io, file + ": " + std::strerror(errno));
  if (made >= 0) ::close(made);

  auto opened = open_with(file, SQLITE_OPEN_READWRITE,
                          "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                          "PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;"
                          "PRAGMA trusted_schema = OFF");
  if (!opened) return opened;
  sqlite3_wal_hook((*opened)->handle_,
                   [](void* self, sqlite3*, const char*, int pages) {
                     static_cast<database*>(self)->log_pages_ = pages;
                     return SQLITE_OK;
                   },
                   opened->get());
  return opened;
}

result<std::unique_ptr<database>> database::open_to_read(const std::string& file) {
  const std::string pragmas = "PRAGMA trusted_schema = OFF; SELECT count(*) FROM sqlite_schema";
  if (::access((file + "-wal").c_str(), F_OK) == 0) {
    return open_with(file, SQLITE_OPEN_READONLY, pragmas);
  }
  // Without a log nobody writes it: then no files are needed, nor left, beside it.
  constexpr std::string_view plain = "/._-";
  std::string name = "file:";
  for (const char c : file) {
    const bool kept = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      plain.find(c) != std::string_view::npos;
    const auto byte = static_cast<std::uint8_t>(c);
    name += kept ? std::string(1, c) : "%" + hex_encode({&byte, 1});
  }
  auto opened = open_with(name + "?immutable=1", SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, pragmas);
  if (opened) (*opened)->file_ = file;
  return opened;
}

result<std::unique_ptr<database>> database::open_to_fill(const std::string& file) {
  // SQLite then refuses a link anywhere in the name, and those of the folder are the caller's.
  const std::filesystem::path name(file);
  std::error_code failure;
  const auto folder =
      std::filesystem::canonical(name.has_parent_path() ? name.parent_path() : ".", failure);
  if (failure) return fail(errc::io, file + ": " + failure.message());
  return open_with(folder / name.filename(), SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW,
                   "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF");
}

result<std::unique_ptr<database>> database::open_with(const std::string& name, int flags,
                                                      const std::string& pragmas) {
  std::unique_ptr<database> opened(new database);
  opened->file_ = name;
  const int all = flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  if (sqlite3_open_v2(name.c_str(), &opened->handle_, all, nullptr) != SQLITE_OK) {
    return std::unexpected(opened->failure("can't be opened"));
  }
  sqlite3_busy_timeout(opened->handle_, 5'000);
  if (auto set = opened->execute(pragmas); !set) return std::unexpected(std::move(set.error()));
  return opened;
}

result<> database::copy_into(database& to) {
  sqlite3_backup* copy = sqlite3_backup_init(to.handle_, "main", handle_, "main");
  if (copy == nullptr) return std::unexpected(to.failure("can't be written"));
  // In one step: another's write between two would make it begin anew.
  const int code = sqlite3_backup_step(copy, -1) & 0xff;
  sqlite3_backup_finish(copy);
  if (code == SQLITE_DONE) return {};
  const bool reading = code == SQLITE_CORRUPT || code == SQLITE_NOTADB || code == SQLITE_BUSY;
  return std::unexpected(reading ? failure("can't be copied") : to.failure("can't be written"));
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
