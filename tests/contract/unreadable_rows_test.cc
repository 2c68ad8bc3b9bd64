// A database of which somebody has edited one cell: that record is lost, and no other.
#include <gmock/gmock.h>

#include <filesystem>
#include <random>
#include <set>

#include "api/api.h"
#include "control/control.h"
#include "json/json.h"
#include "log/log.h"
#include "sqlite/database.h"
#include "sqlite/store.h"
#include "testing/fake_audit.h"
#include "testing/fake_bus.h"
#include "testing/fake_clock.h"
#include "testing/fake_gateway.h"
#include "testing/own_folder.h"
#include "testing/run.h"
#include "testing/samples.h"

namespace peerage::contract {
namespace {

using fakes::run_on;
using sqlite::database;

constexpr std::uint32_t peers_in_all = 150;

struct table {
  const char* name;
  std::vector<const char*> key;
  std::vector<const char*> columns;
};

const std::vector<table> tables = {
    {"networks",
     {"name"},
     {"name", "ipv6", "ipv4", "dns", "allowed_ips", "created_at", "revision", "id"}},
    {"gateways",
     {"name"},
     {"name", "number", "region", "public_key", "endpoint", "device", "capacity", "draining",
      "owner", "registered_at", "revision"}},
    {"peers",
     {"network", "name"},
     {"network", "name", "gateway", "public_key", "preshared_key", "ipv6", "ipv4", "created_at",
      "expires_at", "created_by", "revision", "assigned_at", "quota"}},
    {"tokens",
     {"id"},
     {"id", "name", "network", "scopes", "hash", "created_at", "expires_at", "last_used_at",
      "revision", "max_peers", "max_ttl_s", "network_id"}},
    {"marks", {"name"}, {"name", "value", "revision"}},
};

const std::vector<const char*> hostile = {
    "NULL",
    "''",
    "x''",
    "x'00'",
    "x'ff'",
    "0",
    "-1",
    "1.5",
    "9223372036854775807",
    "-9223372036854775808",
    "1e300",
    "'NO NAME'",
    "'../../etc'",
    "'a' || char(0) || 'b'",
    "char(10)",
    "cast(x'c3' as text)",
    "cast(x'eda080' as text)",
    "'{\"name\": \"trunc'",
    "randomblob(16)",
    "randomblob(32)",
    "randomblob(4)",
    "zeroblob(32)",
    "'::/0'",
    "'0.0.0.0/0'",
    "'10.9.0.0/16 x'",
    "hex(zeroblob(100000))",
    "'admin'",
    "'acme'",
    "'gw-2'",
    "4294967296",
    "65536",
};

/// A file with all of it, and whoever serves it.
struct host {
  asio::io_context loop;
  fakes::fake_clock time{loop.get_executor()};
  fakes::fake_bus bus{time};
  std::vector<std::string> reported;
  std::unique_ptr<store> desired;
  std::unique_ptr<control> mind;
  metrics counts;
  fakes::fake_audit audit;
  std::unique_ptr<api> front;
  std::unique_ptr<fakes::fake_gateway> gateway;
  std::string admin;
  const principal root{*token_id::parse("root"), {}, {scope::admin}};

  explicit host(const std::string& file) {
    sqlite_options options;
    options.on_corrupt = [this](const std::string& which, const std::string& why) {
      reported.push_back(which + ": " + why);
    };
    desired = open_sqlite_store(loop.get_executor(), file, std::move(options)).value();
  }
  ~host() {
    if (mind) run_on(loop, mind->stop());
    if (gateway) gateway->stop();
  }
  void start() {
    control_options options;
    options.check_registrations = false;
    mind = std::make_unique<control>(loop.get_executor(), *desired, bus, time, std::move(options));
    run_on(loop, mind->start()).value();
    gateway = std::make_unique<fakes::fake_gateway>(loop, *desired, bus, time,
                                                    fakes::sample_gateway("gw-1"));
    front = std::make_unique<api>(*mind, counts, audit, "api-1");
    token_request wanted;
    wanted.scopes = {scope::admin};
    admin = run_on(loop, mind->create_token(root, std::move(wanted))).value().secret.reveal();
    for (int i = 0; i < 40; ++i) pass(milliseconds{50});
  }
  void pass(milliseconds span) {
    time.advance(span);
    loop.restart();
    loop.poll();
  }
  /// The database is written by a thread of its own, in real time.
  template <class Holds>
  void await(Holds holds) {
    const auto until = std::chrono::steady_clock::now() + seconds{30};
    while (!holds() && std::chrono::steady_clock::now() < until) {
      time.advance(milliseconds{10});
      loop.restart();
      loop.run_for(std::chrono::milliseconds{1});
    }
  }
  json::value get(const std::string& path, const std::string& query = {}) {
    http::request request;
    request.method = "GET";
    request.path = path;
    request.query = query;
    request.headers = {{"Authorization", "Bearer " + admin}};
    std::optional<http::response> got;
    asio::co_spawn(loop, front->handle(std::move(request)),
                   [&](std::exception_ptr, http::response answer) { got = std::move(answer); });
    await([&] { return got.has_value(); });
    EXPECT_TRUE(got) << path;
    auto body = got ? json::parse(got->body, 64) : fail(errc::timeout, "no answer");
    EXPECT_TRUE(body) << path;
    if (!got || !body) return {};
    EXPECT_TRUE(got->status == 200 || got->status == 404) << path << " " << got->body;
    return *std::move(body);
  }
};

std::size_t items_of(const json::value& list) {
  const auto* object = list.if_object();
  const auto* items = object ? object->if_contains("items") : nullptr;
  return items ? items->as_array().size() : 0;
}

void furnish(const std::string& file) {
  host made(file);
  const auto commit = [&made](record one) {
    transaction writes{put{std::move(one), absent{}}};
    ASSERT_TRUE(run_on(made.loop, made.desired->commit(std::move(writes))));
  };
  commit(fakes::sample_network("acme"));
  network other = fakes::sample_network("other", "fd00:2::/48");
  other.ipv4.reset();
  commit(other);
  commit(fakes::sample_gateway("gw-1", 1));
  commit(fakes::sample_gateway("gw-2", 2));
  for (std::uint32_t n = 1; n <= peers_in_all; ++n) {
    commit(fakes::sample_peer(n % 3 == 0 ? "other" : "acme", "p" + std::to_string(n), n));
  }
  for (const char* id : {"t1", "t2", "t3"}) commit(fakes::sample_token(id));
  for (const char* name : {"bootstrap", "networks", "leaving", "admin-removals"}) {
    commit(mark{name, "2026-01-01T00:00:00.000Z"});
  }
}

/// SQLite itself would refuse a NULL: the schema does not say so for a moment.
void edit(const std::string& file, const std::string& sql) {
  const std::string keep = "CREATE TEMP TABLE kept AS SELECT name, sql FROM sqlite_master;";
  auto whole = database::open(file).value();
  ASSERT_TRUE(whole->execute(keep));
  const std::string writable = "PRAGMA writable_schema = ON;";
  ASSERT_TRUE(whole->execute(writable +
                             "UPDATE sqlite_master SET sql = replace(sql, ' NOT NULL', '')"
                             " WHERE type = 'table'; PRAGMA writable_schema = OFF"));
  {
    auto loose = database::open(file).value();
    (void)loose->execute("PRAGMA foreign_keys = OFF");
    (void)loose->execute(sql);  // some values break even what is left
  }
  ASSERT_TRUE(
      whole->execute(writable +
                     "UPDATE sqlite_master SET sql = (SELECT sql FROM kept"
                     " WHERE kept.name = sqlite_master.name); PRAGMA writable_schema = OFF"));
}

struct damage {
  const table& in;
  std::string column;
  std::string value;
  std::string key;  // of the row, as SQL
  std::vector<std::string> names;

  std::string sql() const {
    return std::string("UPDATE ") + in.name + " SET " + column + " = " + value + " WHERE " + key;
  }
};

damage choose(const std::string& file, std::mt19937& random) {
  const auto any = [&random](const auto& from) -> const auto& {
    return from[std::uniform_int_distribution<std::size_t>(0, from.size() - 1)(random)];
  };
  // Peers as often as all others.
  const table& in = random() % 2 == 0 ? tables[2] : any(tables);
  damage made{in, any(in.columns), any(hostile), {}, {}};
  auto db = database::open(file).value();
  const std::string count_sql = std::string("SELECT count(*) FROM ") + in.name;
  std::int64_t count = 0;
  {
    auto query = db->prepare(count_sql);
    (void)query.next();
    count = query.number(0);
  }
  std::string columns;
  for (const char* each : in.key) columns += (columns.empty() ? "" : ", ") + std::string(each);
  const std::string row_sql = "SELECT " + columns + " FROM " + in.name + " LIMIT 1 OFFSET " +
                              std::to_string(random() % static_cast<std::uint64_t>(count));
  auto row = db->prepare(row_sql);
  (void)row.next();
  for (std::size_t i = 0; i < in.key.size(); ++i) {
    made.names.push_back(row.text(static_cast<int>(i)));
    made.key += (i == 0 ? "" : " AND ") + std::string(in.key[i]) + " = '" + made.names[i] + "'";
  }
  return made;
}

bool is_peers(const damage& done) {
  return std::string_view(done.in.name) == "peers";
}

/// The record that was edited is removed by its name, where it still has one.
void remove_damaged(host& served, const damage& done) {
  const peer_id id{*network_name::parse(done.names[0]), *peer_name::parse(done.names[1])};
  std::optional<result<removal_outcome>> gone;
  asio::co_spawn(served.loop, served.mind->remove_peer(served.root, id, seconds{5}),
                 [&](std::exception_ptr, auto how) { gone = std::move(how); });
  served.await([&] { return gone.has_value(); });
  ASSERT_TRUE(gone);
  const bool renamed = done.column == "network" || done.column == "name";
  if (renamed && !*gone) {
    EXPECT_EQ(gone->error().code, errc::not_found);
    return;
  }
  EXPECT_TRUE(*gone) << gone->error().message;
  const auto found = run_on(served.loop, served.desired->get(id));
  EXPECT_TRUE(found && !*found);
}

TEST(unreadable_rows, one_cell_costs_one_record) {
  log::set_level(log::level::error);
  const fakes::own_folder home;
  const std::string whole = home.file("whole.db"), file = home.file("peerage.db");
  furnish(whole);
  std::mt19937 random(20261129);
  for (int round = 0; round < 400 && !HasFatalFailure() && !HasFailure(); ++round) {
    for (const char* each : {"", "-wal", "-shm"}) std::filesystem::remove(file + each);
    std::filesystem::copy_file(whole, file);
    const damage done = choose(file, random);
    SCOPED_TRACE(std::to_string(round) + ": " + done.sql());
    edit(file, done.sql());
    host served(file);
    served.start();
    std::size_t missing = 0;
    for (std::uint32_t n = 1; n <= peers_in_all; ++n) {
      const bool mine = is_peers(done) && done.names[1] == "p" + std::to_string(n);
      if (!mine) missing += served.gateway->tunnel.has(fakes::sample_key(n)) ? 0 : 1;
    }
    EXPECT_EQ(missing, 0U) << "peers are not on the device";
    const bool network_lost = std::string_view(done.in.name) == "networks" && done.column == "name";
    const std::size_t listed = items_of(served.get("/v1/networks/acme/peers", "limit=1000")) +
                               items_of(served.get("/v1/networks/other/peers", "limit=1000"));
    const std::size_t lost = network_lost ? peers_in_all : is_peers(done) ? 1 : 0;
    EXPECT_GE(listed + lost, peers_in_all);
    const auto without = [&](const char* of) {
      return done.in.name == std::string_view(of) ? 1U : 0U;
    };
    EXPECT_GE(items_of(served.get("/v1/networks")), 2U - without("networks"));
    EXPECT_GE(items_of(served.get("/v1/tokens")), 4U - without("tokens"));
    EXPECT_GE(items_of(served.get("/v1/gateways")), 2U - without("gateways"));
    if (is_peers(done)) remove_damaged(served, done);
  }
}

TEST(unreadable_rows, what_is_left_out_is_named_and_stays_on_the_device) {
  const fakes::own_folder home;
  const std::string file = home.file("peerage.db");
  furnish(file);
  edit(file, "UPDATE peers SET created_at = 'yesterday' WHERE name = 'p7'");
  host served(file);
  served.start();
  EXPECT_THAT(served.reported, testing::ElementsAre("peer acme/p7: its created_at can't be read"));
  EXPECT_THAT(json::serialize(served.get("/v1/gateways/gw-1")),
              testing::HasSubstr("left out: 1 peer "));
  // An earlier start put it there.
  served.gateway->tunnel.peers[fakes::sample_key(7)].peer.public_key = fakes::sample_key(7);
  served.gateway->stop();
  served.gateway->start();
  for (int i = 0; i < 1'000; ++i) served.pass(milliseconds{50});
  EXPECT_TRUE(served.gateway->tunnel.has(fakes::sample_key(7)));
  EXPECT_EQ(served.gateway->tunnel.peers.size(), peers_in_all);
  const peer_id id{*network_name::parse("acme"), *peer_name::parse("p7")};
  const auto gone = run_on(served.loop, served.mind->remove_peer(served.root, id, seconds{5}));
  ASSERT_TRUE(gone);
  EXPECT_FALSE(gone->gone);
  served.gateway->stop();
  served.gateway->start();
  for (int i = 0; i < 1'000; ++i) served.pass(milliseconds{50});
  EXPECT_FALSE(served.gateway->tunnel.has(fakes::sample_key(7)));
}

}  // namespace
}  // namespace peerage::contract
