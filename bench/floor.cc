#include "bench/floor.h"

#include <sqlite3.h>

#include <stdexcept>
#include <utility>

#include "crypto/x25519.h"
#include "netlink/device.h"
#include "netlink/link.h"
#include "uapi/device.h"

namespace peerage::bench {
namespace {

constexpr int long_log_pages = 2'000;  // as the daemon's writer has it
constexpr std::uint32_t mtu = 1420;

void must(const result<>& fine) {
  if (!fine) throw std::runtime_error(fine.error().message);
}

void bind_text(sqlite3_stmt* to, int at, const std::string& text) {
  sqlite3_bind_text(to, at, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT);
}

// Not just `bind`: for a span of the standard library that would be std::bind, silently.
void bind_bytes(sqlite3_stmt* to, int at, std::span<const std::uint8_t> bytes) {
  sqlite3_bind_blob(to, at, bytes.data(), static_cast<int>(bytes.size()), SQLITE_TRANSIENT);
}

}  // namespace

plain_database::plain_database(const std::string& file) {
  check(sqlite3_open_v2(file.c_str(), &handle_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
                        nullptr));
  check(sqlite3_exec(handle_,
                     "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                     "PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;"
                     "PRAGMA trusted_schema = OFF",
                     nullptr, nullptr, nullptr));
  const auto count = [](void* pages, sqlite3*, const char*, int now) {
    *static_cast<int*>(pages) = now;
    return SQLITE_OK;
  };
  sqlite3_wal_hook(handle_, count, &log_pages_);
  begin_ = prepare("BEGIN IMMEDIATE");
  revise_ = prepare("UPDATE meta SET value = value + 1 WHERE name = 'revision' RETURNING value");
  insert_ = prepare("INSERT INTO peers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  remove_ = prepare("DELETE FROM peers WHERE network = ? AND name = ?");
  commit_ = prepare("COMMIT");
}

plain_database::~plain_database() {
  for (sqlite3_stmt* each : {begin_, revise_, insert_, remove_, commit_}) sqlite3_finalize(each);
  sqlite3_close(handle_);
}

void plain_database::check(int code) {
  if (code == SQLITE_OK) return;
  throw std::runtime_error(std::string("SQLite: ") + sqlite3_errmsg(handle_));
}

sqlite3_stmt* plain_database::prepare(const char* sql) {
  sqlite3_stmt* made = nullptr;
  check(sqlite3_prepare_v3(handle_, sql, -1, SQLITE_PREPARE_PERSISTENT, &made, nullptr));
  return made;
}

void plain_database::step(sqlite3_stmt* statement, int wanted) {
  const int got = sqlite3_step(statement);
  if (got != wanted) check(got == SQLITE_OK ? SQLITE_ERROR : got);
  if (wanted == SQLITE_DONE) sqlite3_reset(statement);
}

std::int64_t plain_database::next_revision() {
  step(revise_, SQLITE_ROW);
  const std::int64_t next = sqlite3_column_int64(revise_, 0);
  step(revise_, SQLITE_DONE);
  return next;
}

void plain_database::put(const peer& row) {
  step(begin_, SQLITE_DONE);
  insert(row, next_revision());
  step(commit_, SQLITE_DONE);
}

void plain_database::fill(std::uint32_t count, const std::function<peer()>& next) {
  const auto with = [this](const char* pragmas) {
    check(sqlite3_exec(handle_, pragmas, nullptr, nullptr, nullptr));
  };
  // Every page is written once, at the end.
  with("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -1000000");
  step(begin_, SQLITE_DONE);
  const std::int64_t revision = next_revision();
  for (std::uint32_t done = 0; done < count; ++done) insert(next(), revision);
  step(commit_, SQLITE_DONE);
  with("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -2000");
}

void plain_database::insert(const peer& row, std::int64_t revision) {
  bind_text(insert_, 1, row.id.network.text());
  bind_text(insert_, 2, row.id.name.text());
  bind_text(insert_, 3, row.gateway.text());
  bind_bytes(insert_, 4, row.public_key.bytes());
  bind_bytes(insert_, 6, row.ipv6.bytes());
  sqlite3_bind_int64(insert_, 8, row.created_at.time_since_epoch().count());
  bind_text(insert_, 10, row.created_by.text());
  sqlite3_bind_int64(insert_, 11, revision);
  sqlite3_bind_int64(insert_, 12, row.assigned_at.time_since_epoch().count());
  step(insert_, SQLITE_DONE);
}

void plain_database::remove(const peer& row) {
  step(begin_, SQLITE_DONE);
  (void)next_revision();
  bind_text(remove_, 1, row.id.network.text());
  bind_text(remove_, 2, row.id.name.text());
  step(remove_, SQLITE_DONE);
  step(commit_, SQLITE_DONE);
  if (log_pages_ <= long_log_pages) return;
  check(sqlite3_wal_checkpoint_v2(handle_, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr));
  log_pages_ = 0;
}

void plain_database::let_expire(std::uint32_t count, wall_time when) {
  const std::string sql =
      "UPDATE peers SET expires_at = " + std::to_string(when.time_since_epoch().count()) +
      " WHERE name IN (SELECT name FROM peers LIMIT " + std::to_string(count) + ")";
  check(sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr));
}

std::string plain_database::version() {
  return sqlite3_libversion();
}

task<plain_device> make_plain_device(asio::any_io_executor loop, std::string kind,
                                     std::string interface, std::uint16_t port, std::string log) {
  plain_device made;
  made.interface = netlink::make_link(interface, "bench");
  if (kind == "kernel") {
    must(made.interface->create());
    made.peers = netlink::make_kernel_device(loop, interface);
  } else {
    userspace_options options;
    options.interface = interface;
    options.log_file = log;
    auto device = make_userspace_device(loop, std::move(options));
    must(co_await device->ensure_running());
    made.peers = std::move(device);
  }
  must(made.interface->bring_up(mtu));
  secret_key key = make_private_key();
  must(co_await made.peers->configure(std::move(key), port));
  co_return made;
}

}  // namespace peerage::bench
