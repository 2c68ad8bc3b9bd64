#include "sqlite/store.h"

#include <boost/asio/post.hpp>
#include <charconv>
#include <set>
#include <utility>

#include "async/signal.h"
#include "sqlite/follow.h"
#include "sqlite/rows.h"
#include "sqlite/schema.h"
#include "sqlite/writer.h"

namespace peerage {
namespace {

using sqlite::database;
using sqlite::run;
using row_reader = result<stored<record>> (*)(const run&);

/// A kind of record in the database.
struct kind {
  std::string_view name;
  int key_columns;
  row_reader read;
};
constexpr kind networks{"network", 1, sqlite::read_network};
constexpr kind gateways{"gateway", 1, sqlite::read_gateway};
constexpr kind peers{"peer", 2, sqlite::read_peer};
constexpr kind tokens{"token", 1, sqlite::read_token};
constexpr kind marks{"mark", 1, sqlite::read_mark};

/// A query, and what its rows are.
struct planned {
  run rows;
  const kind& of;
};

// In the listings `?1` is the key or time they ask for, `?2` and `?3` where to go on. They have no
// limit: a row that can't be read does not count, and whoever has enough stops.
std::string select(std::string_view columns, std::string_view rest) {
  return "SELECT " + std::string(columns) + " FROM " + std::string(rest);
}

const std::string networks_sql =
    select(sqlite::network_columns, "networks WHERE name > ?2 ORDER BY name");
const std::string gateways_sql =
    select(sqlite::gateway_columns, "gateways WHERE name > ?2 ORDER BY name");
const std::string tokens_sql = select(sqlite::token_columns, "tokens WHERE id > ?2 ORDER BY id");
const std::string network_peers_sql =
    select(sqlite::peer_columns, "peers WHERE network = ?1 AND name > ?2 ORDER BY name");
// The `+` keeps SQLite to the primary key's order: here nearly all peers are of one gateway. One
// whose gateway is none may be of any.
const std::string gateway_peers_sql =
    select(sqlite::peer_columns,
           "peers WHERE (+gateway = ?1 OR NOT EXISTS"
           " (SELECT 1 FROM gateways WHERE gateways.name = peers.gateway))"
           " AND (network, name) > (?2, ?3) ORDER BY network, name");
const std::string marks_sql = select(
    sqlite::mark_columns, "marks WHERE name > ?2 AND name >= ?1 AND name < ?3 ORDER BY name");
const std::string expiring_peers_sql =
    select(sqlite::peer_columns, "peers WHERE expires_at < ?1 ORDER BY expires_at");

struct listing_planner {
  database& db;
  std::string_view after;

  planned operator()(const all_networks&) const { return by_name(networks_sql, networks); }
  planned operator()(const all_gateways&) const { return by_name(gateways_sql, gateways); }
  planned operator()(const all_tokens&) const { return by_name(tokens_sql, tokens); }
  planned operator()(const peers_of_network& what) const {
    planned made = by_name(network_peers_sql, peers);
    made.rows.bind(1, what.network.text());
    return made;
  }
  planned operator()(const peers_on_gateway& what) const {
    planned made = by_name(gateway_peers_sql, peers);
    const std::size_t slash = after.find('/');
    const bool first = slash == std::string_view::npos;
    made.rows.bind(1, what.gateway.text());
    made.rows.bind(2, first ? std::string_view() : after.substr(0, slash));
    made.rows.bind(3, first ? std::string_view() : after.substr(slash + 1));
    return made;
  }
  planned operator()(const marks_under& what) const {
    planned made = by_name(marks_sql, marks);
    made.rows.bind(1, what.beginning);
    made.rows.bind(3, what.beginning + "\x7f");
    return made;
  }
  planned operator()(const peers_expiring& what) const {
    planned made = by_name(expiring_peers_sql, peers);
    made.rows.bind(1, std::int64_t{what.before.time_since_epoch().count()});
    return made;
  }

 private:
  planned by_name(std::string_view sql, const kind& of) const {
    run made = db.prepare(sql);
    made.bind(2, after);
    return {std::move(made), of};
  }
};

const std::string network_sql = select(sqlite::network_columns, "networks WHERE name = ?");
const std::string gateway_sql = select(sqlite::gateway_columns, "gateways WHERE name = ?");
const std::string peer_sql = select(sqlite::peer_columns, "peers WHERE network = ? AND name = ?");
const std::string token_sql = select(sqlite::token_columns, "tokens WHERE id = ?");
const std::string mark_sql = select(sqlite::mark_columns, "marks WHERE name = ?");
const std::string key_sql =
    select(sqlite::peer_columns, "peers WHERE gateway = ? AND public_key = ?");

struct get_planner {
  database& db;

  planned operator()(const network_name& key) const {
    return one(network_sql, key.text(), networks);
  }
  planned operator()(const gateway_name& key) const {
    return one(gateway_sql, key.text(), gateways);
  }
  planned operator()(const peer_id& key) const {
    planned made = one(peer_sql, key.network.text(), peers);
    made.rows.bind(2, key.name.text());
    return made;
  }
  planned operator()(const token_id& key) const { return one(token_sql, key.text(), tokens); }
  planned operator()(const mark_name& key) const { return one(mark_sql, key.text, marks); }

 private:
  planned one(std::string_view sql, std::string_view key, const kind& of) const {
    run made = db.prepare(sql);
    made.bind(1, key);
    return {std::move(made), of};
  }
};

result<revision> newest_revision(database& db) {
  run at = db.prepare("SELECT value FROM meta WHERE name = 'revision'");
  const auto step = at.next();
  const bool good =
      step == run::step::row && at.type_of(0) == run::type::integer && at.number(0) >= 0;
  if (!good && (step == run::step::row || step == run::step::done)) {
    return fail(errc::corrupt, "the database has lost its revision; restore a backup");
  }
  if (!good) return std::unexpected(db.failure("can't be read"));
  return revision{static_cast<std::uint64_t>(at.number(0))};
}

result<epoch> epoch_in(database& db, const std::string& file) {
  epoch id;
  run query = db.prepare("SELECT value FROM meta WHERE name = 'epoch'");
  const auto step = query.next();
  if (step == run::step::row && query.type_of(0) == run::type::text) id.id = query.text(0);
  if (step == run::step::failed) return std::unexpected(db.failure("can't be read"));
  if (!is_label(id.id)) {
    return fail(errc::corrupt, file + " has lost its epoch; restore a backup");
  }
  return id;
}

std::string last_write_of(const epoch& of, revision at) {
  return of.id + " " + std::to_string(at.number);
}

/// Another epoch for a file that is older than the last write that is known of it.
result<> renew_older_copy(database& db, const std::string& file, const sqlite_options& options) {
  const auto id = epoch_in(db, file);
  if (!id) return std::unexpected(id.error());
  const auto now = newest_revision(db);
  if (!now) return std::unexpected(now.error());
  std::uint64_t known = 0;
  const std::string_view text = options.last_write;
  const std::string_view begin = text.substr(0, std::min(text.find(' '), text.size()));
  const std::size_t digits = std::min(begin.size() + 1, text.size());
  std::from_chars(text.data() + digits, text.data() + text.size(), known);
  if (begin != id->id || known <= now->number) return {};
  if (options.on_older_copy) options.on_older_copy();
  return db.execute("UPDATE meta SET value = lower(hex(randomblob(16))) WHERE name = 'epoch'");
}

class sqlite_store final : public sqlite::followed_store {
 public:
  sqlite_store(asio::any_io_executor loop, std::unique_ptr<database> reads,
               std::unique_ptr<database> writes, std::unique_ptr<database> beside, epoch id,
               revision now, sqlite::reserve space, sqlite_options options)
      : loop_(std::move(loop)),
        db_(std::move(reads)),
        id_(std::move(id)),
        newest_(now),
        on_corrupt_(std::move(options.on_corrupt)),
        last_write_(std::move(options.last_write)),
        keep_last_write_(std::move(options.keep_last_write)),
        news_(std::make_shared<sqlite::news>(loop_, now)),
        writer_(std::move(writes), std::move(beside), std::move(space)) {}
  ~sqlite_store() override { keep(); }
  sqlite_store(const sqlite_store&) = delete;
  sqlite_store& operator=(const sqlite_store&) = delete;

  task<result<revision>> commit(transaction writes) override {
    struct waiting {
      explicit waiting(const asio::any_io_executor& loop) : done(loop) {}
      signal done;
      result<revision> outcome = revision{};
    };
    // Shared, so that a caller that was cancelled leaves nothing for the writer to trip over.
    auto mine = std::make_shared<waiting>(loop_);
    writer_.submit(std::move(writes), [mine, news = news_, loop = loop_](auto outcome) {
      asio::post(loop, [mine, news, outcome = std::move(outcome)] {
        if (outcome) {
          news->note(outcome->at, outcome->keys);
          mine->outcome = outcome->at;
        } else {
          if (outcome.error().code == errc::outcome_unknown) news->changes.doubt();
          mine->outcome = std::unexpected(outcome.error());
        }
        mine->done.notify();
      });
    });
    co_await mine->done.wait();
    co_return std::move(mine->outcome);
  }

  task<result<std::optional<stored<record>>>> get(record_key key) override {
    planned query = std::visit(get_planner{*db_}, key);
    co_return first(query.rows, query.of);
  }

  task<result<std::optional<stored<record>>>> find_peer(gateway_name on, public_key key) override {
    run query = db_->prepare(key_sql);
    query.bind(1, on.text()).bind(2, key.bytes());
    co_return first(query, peers);
  }

  task<result<page>> list(page_query query) override {
    page made;
    // One transaction, so that the revision and the rows are of one moment.
    if (auto begun = db_->execute("BEGIN"); !begun) co_return std::unexpected(begun.error());
    result<> filled = fill(made, query);
    if (auto ended = db_->execute("COMMIT"); !ended) co_return std::unexpected(ended.error());
    if (!filled) co_return std::unexpected(filled.error());
    co_return made;
  }

  std::size_t most_removals() const override { return 32; }

  task<result<followed>> follow(gateway_name gateway, std::string position,
                                steady_duration wait) override {
    return sqlite::follow(*this, news_, loop_, std::move(gateway), std::move(position), wait);
  }
  task<result<assigned>> assignments(gateway_name gateway, std::vector<public_key> keys) override {
    return sqlite::assignments(*this, std::move(gateway), std::move(keys));
  }

  // One process has the file, and its state_dir's lock.
  task<result<>> claim(gateway_name, claimant) override { co_return result<>{}; }
  task<> release(gateway_name) override { co_return; }

  task<result<epoch>> identity() override {
    keep();
    co_return id_;
  }

  result<sqlite::network_part> part_of(const network_name& network) override {
    planned query = get_planner{*db_}(network);
    const auto step = query.rows.next();
    if (step == run::step::done) return sqlite::network_part{};
    if (step != run::step::row) return std::unexpected(db_->failure("can't be read"));
    (void)read(query.rows, networks);  // reported where it can't be read
    return sqlite::read_network_part(query.rows);
  }
  std::vector<public_key> take_unreadable() override { return std::exchange(unreadable_, {}); }

 private:
  static constexpr std::size_t most_reported = 1'000;

  void keep() {
    if (!keep_last_write_) return;
    const auto now = newest_revision(*db_);
    if (!now) return;
    std::string last = last_write_of(id_, *now);
    if (last == last_write_) return;
    last_write_ = std::move(last);
    keep_last_write_(last_write_);
  }

  result<std::optional<stored<record>>> first(run& query, const kind& of) {
    switch (query.next()) {
      case run::step::done: return std::optional<stored<record>>{};
      case run::step::row: {
        auto item = read(query, of);
        if (!item) return std::unexpected(item.error());
        return *std::move(item);
      }
      default: return std::unexpected(db_->failure("can't be read"));
    }
  }

  /// The row's record; one that can't be read is reported once.
  result<stored<record>> read(const run& row, const kind& of) {
    auto item = of.read(row);
    const bool is_mark = &of == &marks;
    if (item && !is_mark && item->revision > newest_) {
      const auto now = newest_revision(*db_);
      if (now) newest_ = *now;
      // A gateway would wait for ever for a newer word than this.
      if (item->revision > newest_) item = fail(errc::corrupt, "its revision is not there yet");
    }
    const bool good = item && (!is_mark || sqlite::is_readable_mark(row));
    if (good) return item;
    const std::string which = std::string(of.name) + " " + sqlite::key_text(row, of.key_columns);
    const std::string why = item ? "its value can't be read" : item.error().message;
    if (reported_.size() < most_reported && reported_.insert(which).second && on_corrupt_) {
      on_corrupt_(which, why);
    }
    if (!item) item.error().message = which + ": " + why;
    return item;
  }

  result<> fill(page& made, const page_query& query) {
    const auto now = newest_revision(*db_);
    if (!now) return std::unexpected(now.error());
    made.as_of = *now;
    planned found = std::visit(listing_planner{*db_, query.after}, query.what);
    const auto* on = std::get_if<peers_on_gateway>(&query.what);
    for (;;) {
      const auto step = found.rows.next();
      if (step == run::step::done) return {};
      if (step != run::step::row) return std::unexpected(db_->failure("can't be read"));
      auto item = read(found.rows, found.of);
      // Of another gateway that nobody has registered: not this one's.
      const bool others =
          on != nullptr && item && std::get<peer>(item->value).gateway != on->gateway;
      if (on != nullptr && (!item || others)) {
        if (const auto key = sqlite::key_in_peer(found.rows)) unreadable_.push_back(*key);
      }
      if (!item || others) continue;
      if (made.items.size() == query.limit) {
        made.more = true;
        return {};
      }
      made.items.push_back(*std::move(item));
    }
  }

  asio::any_io_executor loop_;
  std::unique_ptr<database> db_;
  epoch id_;
  revision newest_;  // that was seen
  std::function<void(const std::string&, const std::string&)> on_corrupt_;
  std::string last_write_;  // as it was kept last
  std::function<void(const std::string&)> keep_last_write_;
  std::set<std::string> reported_;
  std::vector<public_key> unreadable_;  // peers on a gateway
  std::shared_ptr<sqlite::news> news_;
  sqlite::writer writer_;
};

}  // namespace

result<std::unique_ptr<store>> open_sqlite_store(asio::any_io_executor loop, std::string file,
                                                 sqlite_options options) {
  sqlite::reserve space(file + "-reserve", options.reserve_bytes, std::move(options.on_disk_full));
  space.open();
  auto writes = database::open(file);
  if (!writes) return std::unexpected(writes.error());
  if (auto shaped = sqlite::prepare_schema(**writes, file); !shaped) {
    return std::unexpected(shaped.error());
  }
  if (auto renewed = renew_older_copy(**writes, file, options); !renewed) {
    return std::unexpected(std::move(renewed.error()));
  }
  // The inner pages of the trees of a million peers: with SQLite's own 2 MB each write reads some
  // of them again.
  if (auto set = (*writes)->execute("PRAGMA cache_size = -16000"); !set) {
    return std::unexpected(set.error());
  }
  auto reads = database::open(file);
  if (!reads) return std::unexpected(reads.error());
  auto beside = database::open(file);
  if (!beside) return std::unexpected(beside.error());
  auto id = epoch_in(**reads, file);
  if (!id) return std::unexpected(std::move(id.error()));
  const auto now = newest_revision(**reads);
  if (!now) return std::unexpected(now.error());
  return std::make_unique<sqlite_store>(std::move(loop), *std::move(reads), *std::move(writes),
                                        *std::move(beside), *std::move(id), *now, std::move(space),
                                        std::move(options));
}

}  // namespace peerage
