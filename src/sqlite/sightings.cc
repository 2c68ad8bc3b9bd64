#include "sqlite/sightings.h"

#include <utility>

#include "sqlite/own_file.h"

namespace peerage {
namespace {

using sqlite::database;
using sqlite::run;

constexpr std::int64_t version = 2;

// As SQLite keeps them, in order of their names. Times are Unix milliseconds.
const std::vector<std::string> tables = {
    "CREATE TABLE began (id INTEGER PRIMARY KEY CHECK (id = 1), at INTEGER NOT NULL) STRICT",
    "CREATE TABLE handshakes (public_key BLOB PRIMARY KEY, at INTEGER NOT NULL, "
    "endpoint TEXT NOT NULL DEFAULT '') STRICT, WITHOUT ROWID"};
const std::string upgrade = "ALTER TABLE handshakes ADD COLUMN endpoint TEXT NOT NULL DEFAULT ''";
constexpr int most_log_pages = 1'000;

std::int64_t to_number(wall_time time) {
  return time.time_since_epoch().count();
}
wall_time to_time(std::int64_t number) {
  return wall_time{milliseconds{number}};
}

class sqlite_sightings final : public sightings {
 public:
  sqlite_sightings(std::unique_ptr<database> db, wall_time since)
      : db_(std::move(db)), since_(since) {}

  wall_time since() const override { return since_; }

  result<std::vector<sighting>> load() override {
    std::vector<sighting> all;
    run rows = db_->prepare("SELECT public_key, at, endpoint FROM handshakes");
    for (;;) {
      const auto step = rows.next();
      if (step == run::step::done) return all;
      if (step != run::step::row) return std::unexpected(db_->failure("can't be read"));
      const auto key = rows.bytes(0);
      if (key.size() != key_size) return fail(errc::corrupt, "a sighting is of no key");
      all.push_back({public_key(key.first<key_size>()), to_time(rows.number(1)), rows.text(2)});
    }
  }

  result<> save(const std::vector<sighting>& set, const std::vector<public_key>& erase) override {
    if (auto begun = db_->repeat("BEGIN"); !begun) return begun;
    auto written = write(set, erase);
    if (written) written = db_->repeat("COMMIT");
    if (!written) (void)db_->repeat("ROLLBACK");
    if (written && db_->log_pages() > most_log_pages) db_->checkpoint();
    return written;
  }

 private:
  result<> write(const std::vector<sighting>& set, const std::vector<public_key>& erase) {
    for (const public_key& key : erase) {
      run remove = db_->prepare("DELETE FROM handshakes WHERE public_key = ?");
      remove.bind(1, key.bytes());
      if (remove.next() != run::step::done) {
        return std::unexpected(db_->failure("can't be written"));
      }
    }
    for (const sighting& each : set) {
      run add = db_->prepare("INSERT OR REPLACE INTO handshakes VALUES (?, ?, ?)");
      add.bind(1, each.public_key.bytes()).bind(2, to_number(each.last_handshake_at));
      add.bind(3, each.endpoint);
      if (add.next() != run::step::done) return std::unexpected(db_->failure("can't be written"));
    }
    return {};
  }

  std::unique_ptr<database> db_;
  wall_time since_;
};

result<std::unique_ptr<sightings>> open_one(const std::string& file, wall_time now) {
  auto db = sqlite::open_own_file(file, tables, version, upgrade);
  if (!db) return std::unexpected(std::move(db.error()));
  {
    run begin = (*db)->prepare("INSERT OR IGNORE INTO began VALUES (1, ?)");
    begin.bind(1, to_number(now));
    if (begin.next() != run::step::done) {
      return std::unexpected((*db)->failure("can't be written"));
    }
  }
  std::int64_t since = 0;
  {
    run began = (*db)->prepare("SELECT at FROM began");
    if (began.next() != run::step::row) return std::unexpected((*db)->failure("can't be read"));
    since = began.number(0);
  }
  std::unique_ptr<sightings> opened =
      std::make_unique<sqlite_sightings>(*std::move(db), to_time(since));
  if (auto loaded = opened->load(); !loaded) return std::unexpected(std::move(loaded.error()));
  return opened;
}

}  // namespace

result<std::unique_ptr<sightings>> open_sqlite_sightings(const std::string& file, wall_time now) {
  auto opened = open_one(file, now);
  return opened || !sqlite::put_aside(file) ? std::move(opened) : open_one(file, now);
}

}  // namespace peerage
