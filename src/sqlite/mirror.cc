#include "sqlite/mirror.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "sqlite/own_file.h"
#include "wire/records.h"

namespace peerage {
namespace {

using sqlite::database;
using sqlite::run;

constexpr std::int64_t version = 2;
constexpr std::int64_t most_ids = std::int64_t{1} << 60;

// As SQLite keeps them, in order of their names. Rows in the order in which they came, so that
// those of one save share their pages: in order of their keys each would write a page of its own.
const std::vector<std::string> tables = {
    "CREATE TABLE head (id INTEGER PRIMARY KEY CHECK (id = 1), self TEXT NOT NULL, "
    "epoch TEXT NOT NULL, position TEXT NOT NULL, as_of INTEGER NOT NULL) STRICT",
    "CREATE TABLE peers (id INTEGER PRIMARY KEY, revision INTEGER NOT NULL, "
    "assignment TEXT NOT NULL) STRICT"};

class sqlite_mirror final : public mirror {
 public:
  explicit sqlite_mirror(std::unique_ptr<database> db) : db_(std::move(db)) {}

  result<std::optional<mirrored>> load() override {
    ids_.clear();
    next_id_ = 1;
    knows_ids_ = false;
    mirrored made;
    if (auto peers = load_peers(made); !peers) return std::unexpected(std::move(peers.error()));
    knows_ids_ = true;
    run head = db_->prepare("SELECT self, epoch, position, as_of FROM head");
    const auto step = head.next();
    if (step == run::step::done) return std::optional<mirrored>{};
    if (step != run::step::row) return std::unexpected(db_->failure("can't be read"));
    auto self = wire::read_gateway(head.text(0));
    if (!self) return std::unexpected(std::move(self.error()));
    made.head = {std::move(*self), epoch{head.text(1)}, head.text(2),
                 revision{static_cast<std::uint64_t>(head.number(3))}};
    return made;
  }

  result<> save(const mirror_head& head, const std::vector<stored_assignment>& set,
                const std::vector<public_key>& erase) override {
    if (!knows_ids_) {
      if (auto loaded = load(); !loaded) return std::unexpected(std::move(loaded.error()));
    }
    if (auto begun = db_->repeat("BEGIN"); !begun) return begun;
    auto written = write(head, set, erase);
    if (written) written = db_->repeat("COMMIT");
    if (!written) {
      (void)db_->repeat("ROLLBACK");
      knows_ids_ = false;
    }
    if (written && db_->log_pages() > most_log_pages) db_->checkpoint();
    return written;
  }

 private:
  static constexpr int most_log_pages = 1'000;

  result<> load_peers(mirrored& into) {
    run rows = db_->prepare("SELECT id, revision, assignment FROM peers");
    for (;;) {
      const auto step = rows.next();
      if (step == run::step::done) return {};
      if (step != run::step::row) return std::unexpected(db_->failure("can't be read"));
      auto one = wire::read_assignment(rows.text(2));
      if (!one) return std::unexpected(std::move(one.error()));
      const std::int64_t id = rows.number(0);
      if (id < 1 || id > most_ids || !ids_.emplace(one->public_key, id).second) {
        return fail(errc::corrupt, "the mirror has rows that this program did not write");
      }
      next_id_ = std::max(next_id_, id + 1);
      into.peers.push_back({std::move(*one), revision{static_cast<std::uint64_t>(rows.number(1))}});
    }
  }

  result<> done(run& statement) {
    if (statement.next() == run::step::done) return {};
    return std::unexpected(db_->failure("can't be written"));
  }

  result<> write(const mirror_head& head, const std::vector<stored_assignment>& set,
                 const std::vector<public_key>& erase) {
    for (const public_key& key : erase) {
      const auto known = ids_.find(key);
      if (known == ids_.end()) continue;
      run remove = db_->prepare("DELETE FROM peers WHERE id = ?");
      remove.bind(1, known->second);
      if (auto removed = done(remove); !removed) return removed;
      ids_.erase(known);
    }
    for (const stored_assignment& each : set) {
      const auto [at, fresh] = ids_.try_emplace(each.peer.public_key, next_id_);
      next_id_ += fresh ? 1 : 0;
      run add = db_->prepare("INSERT OR REPLACE INTO peers VALUES (?, ?, ?)");
      const std::string text = wire::write(each.peer);
      add.bind(1, at->second).bind(2, static_cast<std::int64_t>(each.at.number)).bind(3, text);
      if (auto added = done(add); !added) return added;
    }
    run replace = db_->prepare("INSERT OR REPLACE INTO head VALUES (1, ?, ?, ?, ?)");
    const std::string self = wire::write(head.self);
    replace.bind(1, self)
        .bind(2, head.of.id)
        .bind(3, head.position)
        .bind(4, static_cast<std::int64_t>(head.as_of.number));
    return done(replace);
  }

  std::unique_ptr<database> db_;
  std::unordered_map<public_key, std::int64_t> ids_;  // of the rows in the table
  std::int64_t next_id_ = 1;
  bool knows_ids_ = false;
};

result<std::unique_ptr<mirror>> open_one(const std::string& file) {
  // What is lost in a power cut, the store tells again.
  auto db = sqlite::open_own_file(file, tables, version);
  if (!db) return std::unexpected(std::move(db.error()));
  std::unique_ptr<mirror> opened = std::make_unique<sqlite_mirror>(*std::move(db));
  if (auto loaded = opened->load(); !loaded) return std::unexpected(std::move(loaded.error()));
  return opened;
}

}  // namespace

result<std::unique_ptr<mirror>> open_sqlite_mirror(const std::string& file) {
  auto opened = open_one(file);
  return opened || !sqlite::put_aside(file) ? std::move(opened) : open_one(file);
}

}  // namespace peerage
