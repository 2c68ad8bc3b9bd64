#include "sqlite/schema.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace peerage::sqlite {
namespace {

constexpr std::int64_t application = 0x50454552;  // "PEER"
constexpr std::int64_t newest = 5;

// Times are Unix milliseconds. Addresses are 4 or 16 bytes, so that they compare as numbers.
constexpr const char* version_1 = R"sql(
  CREATE TABLE meta (name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
  INSERT INTO meta VALUES ('revision', 0), ('epoch', lower(hex(randomblob(16))));
  CREATE TABLE networks (
    name TEXT PRIMARY KEY, ipv6 TEXT NOT NULL UNIQUE, ipv4 TEXT UNIQUE, dns TEXT NOT NULL,
    allowed_ips TEXT NOT NULL, created_at INTEGER NOT NULL, revision INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE gateways (
    name TEXT PRIMARY KEY, number INTEGER NOT NULL UNIQUE, region TEXT NOT NULL,
    public_key BLOB NOT NULL, endpoint TEXT NOT NULL, device TEXT NOT NULL,
    capacity INTEGER NOT NULL, draining INTEGER NOT NULL, owner TEXT NOT NULL,
    registered_at INTEGER NOT NULL, revision INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE peers (
    network TEXT NOT NULL REFERENCES networks (name), name TEXT NOT NULL,
    gateway TEXT NOT NULL REFERENCES gateways (name),
    public_key BLOB NOT NULL, preshared_key BLOB,
    ipv6 BLOB NOT NULL UNIQUE, ipv4 BLOB,
    created_at INTEGER NOT NULL, expires_at INTEGER, created_by TEXT NOT NULL,
    revision INTEGER NOT NULL,
    PRIMARY KEY (network, name), UNIQUE (gateway, public_key)
  ) WITHOUT ROWID;
  CREATE UNIQUE INDEX peers_by_ipv4 ON peers (ipv4) WHERE ipv4 IS NOT NULL;
  CREATE INDEX peers_by_expiry ON peers (expires_at) WHERE expires_at IS NOT NULL;
  CREATE TABLE tokens (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, network TEXT, scopes TEXT NOT NULL,
    hash BLOB NOT NULL, created_at INTEGER NOT NULL, expires_at INTEGER, last_used_at INTEGER,
    revision INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE marks (
    name TEXT PRIMARY KEY, value TEXT NOT NULL, revision INTEGER NOT NULL
  ) WITHOUT ROWID;
)sql";

// Null in rows of version 1: then it is created_at.
constexpr const char* version_2 = "ALTER TABLE peers ADD COLUMN assigned_at INTEGER;";

// Peers with a quota are counted for their token, in the transaction that makes or removes them.
constexpr const char* version_3 = R"sql(
  ALTER TABLE tokens ADD COLUMN max_peers INTEGER;
  ALTER TABLE tokens ADD COLUMN max_ttl_s INTEGER;
  ALTER TABLE peers ADD COLUMN quota INTEGER;
  CREATE TABLE quotas (token TEXT PRIMARY KEY, used INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TRIGGER peer_counted AFTER INSERT ON peers WHEN NEW.quota IS NOT NULL BEGIN
    INSERT INTO quotas VALUES (NEW.created_by, 1) ON CONFLICT (token) DO UPDATE SET used = used + 1;
    SELECT RAISE(ABORT, 'max_peers')
      FROM quotas WHERE token = NEW.created_by AND used > NEW.quota;
  END;
  CREATE TRIGGER peer_given_back AFTER DELETE ON peers WHEN OLD.quota IS NOT NULL BEGIN
    UPDATE quotas SET used = used - 1 WHERE token = OLD.created_by;
    DELETE FROM quotas WHERE token = OLD.created_by AND used < 1;
  END;
)sql";

// A token belongs to one network, not to whichever has its name: both are told apart by an id.
constexpr const char* version_4 = R"sql(
  ALTER TABLE networks ADD COLUMN id TEXT NOT NULL DEFAULT '';
  ALTER TABLE tokens ADD COLUMN network_id TEXT NOT NULL DEFAULT '';
  CREATE INDEX tokens_by_network ON tokens (network) WHERE network IS NOT NULL;
)sql";

// An earlier gateway had the usual one.
constexpr const char* version_5 =
    "ALTER TABLE gateways ADD COLUMN mtu INTEGER NOT NULL DEFAULT 1420;";

std::int64_t pragma(database& db, std::string_view sql) {
  run query = db.prepare(sql);
  return query.next() == run::step::row ? query.number(0) : 0;
}

/// Tables, indexes and triggers, of any version.
constexpr std::array<std::string_view, 13> ours = {
    "meta",         "networks",        "gateways",
    "peers",        "tokens",          "marks",
    "quotas",       "peers_by_ipv4",   "peers_by_expiry",
    "peer_counted", "peer_given_back", "tokens_by_network",
    "sqlite_stat1"};

}  // namespace

bool is_newest(database& db) {
  return pragma(db, "PRAGMA user_version") == newest;
}

result<> check_owner(database& db, const std::string& file) {
  if (pragma(db, "PRAGMA application_id") != application) {
    return fail(errc::unsupported, file + " is no database of Peerage");
  }
  const std::int64_t version = pragma(db, "PRAGMA user_version");
  if (version < 1 || version > newest) {
    return fail(errc::unsupported, file + " has schema " + std::to_string(version) +
                                       ", and this version knows 1 to " + std::to_string(newest));
  }
  run rows = db.prepare("SELECT name FROM sqlite_schema");
  while (rows.next() == run::step::row) {
    const std::string name = rows.text(0);
    const bool known = name.starts_with("sqlite_autoindex_") ||
                       std::find(ours.begin(), ours.end(), name) != ours.end();
    if (!known) {
      return fail(errc::corrupt, file + " has something in it that is not Peerage's: " + name);
    }
  }
  return {};
}

result<> prepare_schema(database& db, const std::string& file) {
  const std::int64_t owner = pragma(db, "PRAGMA application_id");
  const std::int64_t version = pragma(db, "PRAGMA user_version");
  const std::int64_t tables = pragma(db, "SELECT count(*) FROM sqlite_schema");
  if (owner != application && tables > 0) {
    return fail(errc::unsupported, file + " is a database of another program; name another file");
  }
  if (version > newest) {
    return fail(errc::unsupported, file + " was written by a newer version of Peerage (schema " +
                                       std::to_string(version) + ", this one knows " +
                                       std::to_string(newest) + "); upgrade this one");
  }
  if (version == newest) return {};
  return db.execute("BEGIN IMMEDIATE;" + std::string(version < 1 ? version_1 : "") +
                    (version < 2 ? version_2 : "") + (version < 3 ? version_3 : "") +
                    (version < 4 ? version_4 : "") + version_5 +
                    "PRAGMA application_id = " + std::to_string(application) +
                    "; PRAGMA user_version = " + std::to_string(newest) + "; COMMIT");
}

}  // namespace peerage::sqlite
