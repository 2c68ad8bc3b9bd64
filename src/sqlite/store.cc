#include "sqlite/store.h"

#include <boost/asio/post.hpp>
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

/// A listing as SQL: `?1` is the key or time it asks for, `?2` and `?3` where to go on.
struct listing_sql {
  std::string_view sql;
  row_reader read;
};

std::string select(std::string_view columns, std::string_view rest) {
  return "SELECT " + std::string(columns) + " FROM " + std::string(rest);
}

const std::string networks_sql =
    select(sqlite::network_columns, "networks WHERE name > ?2 ORDER BY name LIMIT ?4");
const std::string gateways_sql =
    select(sqlite::gateway_columns, "gateways WHERE name > ?2 ORDER BY name LIMIT ?4");
const std::string tokens_sql =
    select(sqlite::token_columns, "tokens WHERE id > ?2 ORDER BY id LIMIT ?4");
const std::string network_peers_sql =
    select(sqlite::peer_columns, "peers WHERE network = ?1 AND name > ?2 ORDER BY name LIMIT ?4");
// The `+` keeps SQLite to the primary key's order: here nearly all peers are of one gateway.
const std::string gateway_peers_sql =
    select(sqlite::peer_columns,
           "peers WHERE +gateway = ?1 AND (network, name) > (?2, ?3) ORDER BY network, name "
           "LIMIT ?4");
const std::string expiring_peers_sql =
    select(sqlite::peer_columns, "peers WHERE expires_at < ?1 ORDER BY expires_at LIMIT ?4");

struct listing_planner {
  database& db;
  std::string_view after;
  std::int64_t limit;

  using planned = std::pair<run, row_reader>;
  planned operator()(const all_networks&) const {
    return by_name(networks_sql, sqlite::read_network);
  }
  planned operator()(const all_gateways&) const {
    return by_name(gateways_sql, sqlite::read_gateway);
  }
  planned operator()(const all_tokens&) const { return by_name(tokens_sql, sqlite::read_token); }
  planned operator()(const peers_of_network& what) const {
    planned made = by_name(network_peers_sql, sqlite::read_peer);
    made.first.bind(1, what.network.text());
    return made;
  }
  planned operator()(const peers_on_gateway& what) const {
    planned made = by_name(gateway_peers_sql, sqlite::read_peer);
    const std::size_t slash = after.find('/');
    const bool first = slash == std::string_view::npos;
    made.first.bind(1, what.gateway.text());
    made.first.bind(2, first ? std::string_view() : after.substr(0, slash));
    made.first.bind(3, first ? std::string_view() : after.substr(slash + 1));
    return made;
  }
  planned operator()(const peers_expiring& what) const {
    planned made = by_name(expiring_peers_sql, sqlite::read_peer);
    made.first.bind(1, std::int64_t{what.before.time_since_epoch().count()});
    return made;
  }

 private:
  planned by_name(std::string_view sql, row_reader read) const {
    run made = db.prepare(sql);
    made.bind(2, after).bind(4, limit);
    return {std::move(made), read};
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
  using planned = std::pair<run, row_reader>;

  planned operator()(const network_name& key) const {
    return one(network_sql, key.text(), sqlite::read_network);
  }
  planned operator()(const gateway_name& key) const {
    return one(gateway_sql, key.text(), sqlite::read_gateway);
  }
  planned operator()(const peer_id& key) const {
    planned made = one(peer_sql, key.network.text(), sqlite::read_peer);
    made.first.bind(2, key.name.text());
    return made;
  }
  planned operator()(const token_id& key) const {
    return one(token_sql, key.text(), sqlite::read_token);
  }
  planned operator()(const mark_name& key) const {
    return one(mark_sql, key.text, sqlite::read_mark);
  }

 private:
  planned one(std::string_view sql, std::string_view key, row_reader read) const {
    run made = db.prepare(sql);
    made.bind(1, key);
    return {std::move(made), read};
  }
};

result<revision> newest_revision(database& db) {
  run at = db.prepare("SELECT value FROM meta WHERE name = 'revision'");
  if (at.next() != run::step::row) return std::unexpected(db.failure("can't be read"));
  return revision{static_cast<std::uint64_t>(at.number(0))};
}

class sqlite_store final : public store {
 public:
  sqlite_store(asio::any_io_executor loop, std::unique_ptr<database> reads,
               std::unique_ptr<database> writes, std::unique_ptr<database> beside, epoch id,
               revision now, sqlite::reserve space)
      : loop_(std::move(loop)),
        db_(std::move(reads)),
        id_(std::move(id)),
        news_(std::make_shared<sqlite::news>(loop_, now)),
        writer_(std::move(writes), std::move(beside), std::move(space)) {}

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
    auto [query, read] = std::visit(get_planner{*db_}, key);
    co_return first(query, read);
  }

  task<result<std::optional<stored<record>>>> find_peer(gateway_name on, public_key key) override {
    run query = db_->prepare(key_sql);
    query.bind(1, on.text()).bind(2, key.bytes());
    co_return first(query, sqlite::read_peer);
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

  task<result<epoch>> identity() override { co_return id_; }

 private:
  result<std::optional<stored<record>>> first(run& query, row_reader read) {
    switch (query.next()) {
      case run::step::done: return std::optional<stored<record>>{};
      case run::step::row: {
        auto item = read(query);
        if (!item) return std::unexpected(item.error());
        return *std::move(item);
      }
      default: return std::unexpected(db_->failure("can't be read"));
    }
  }

  result<> fill(page& made, const page_query& query) {
    const auto now = newest_revision(*db_);
    if (!now) return std::unexpected(now.error());
    made.as_of = *now;
    const auto limit = static_cast<std::int64_t>(query.limit);
    auto [rows, read] = std::visit(listing_planner{*db_, query.after, limit + 1}, query.what);
    for (;;) {
      const auto step = rows.next();
      if (step == run::step::done) return {};
      if (step != run::step::row) return std::unexpected(db_->failure("can't be read"));
      if (made.items.size() == query.limit) {
        made.more = true;
        return {};
      }
      auto item = read(rows);
      if (!item) return std::unexpected(item.error());
      made.items.push_back(*std::move(item));
    }
  }

  asio::any_io_executor loop_;
  std::unique_ptr<database> db_;
  epoch id_;
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
  // The inner pages of the trees of a million peers: with SQLite's own 2 MB each write reads some
  // of them again.
  if (auto set = (*writes)->execute("PRAGMA cache_size = -16000"); !set) {
    return std::unexpected(set.error());
  }
  auto reads = database::open(file);
  if (!reads) return std::unexpected(reads.error());
  auto beside = database::open(file);
  if (!beside) return std::unexpected(beside.error());
  epoch id;
  {
    run query = (*reads)->prepare("SELECT value FROM meta WHERE name = 'epoch'");
    if (query.next() != run::step::row) return std::unexpected((*reads)->failure("can't be read"));
    id.id = query.text(0);
  }
  const auto now = newest_revision(**reads);
  if (!now) return std::unexpected(now.error());
  return std::make_unique<sqlite_store>(std::move(loop), *std::move(reads), *std::move(writes),
                                        *std::move(beside), std::move(id), *now, std::move(space));
}

}  // namespace peerage
