#include "sqlite/rows.h"

#include <algorithm>
#include <string>

namespace peerage::sqlite {
namespace {

std::int64_t to_number(wall_time time) {
  return time.time_since_epoch().count();
}
wall_time to_time(std::int64_t number) {
  return wall_time{milliseconds{number}};
}

std::optional<wall_time> time_or_null(const run& row, int column) {
  if (row.null(column)) return {};
  return to_time(row.number(column));
}

std::optional<std::uint32_t> count_or_null(const run& row, int column) {
  if (row.null(column)) return {};
  return static_cast<std::uint32_t>(row.number(column));
}

void bind_time(run& to, int at, const std::optional<wall_time>& time) {
  if (time) {
    to.bind(at, to_number(*time));
  } else {
    to.bind_null(at);
  }
}

/// What joined() has joined.
std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

template <class T>
std::string joined(const std::vector<T>& all) {
  std::string text;
  for (const T& each : all) text += (text.empty() ? "" : " ") + each.text();
  return text;
}

/// Reads values out of columns and remembers whether one was bad.
class reader {
 public:
  explicit reader(const run& row) : row_(row) {}

  template <class T>
  T parsed(std::string_view text) {
    auto value = T::parse(text);
    if (value) return *std::move(value);
    good_ = false;
    return T{};
  }
  template <class T>
  T parsed(int column) {
    return parsed<T>(row_.text(column));
  }
  template <class T>
  std::vector<T> list(int column) {
    std::vector<T> all;
    const std::string text = row_.text(column);
    for (const std::string_view word : split(text)) all.push_back(parsed<T>(word));
    return all;
  }
  ip_address address(int column) {
    const auto bytes = row_.bytes(column);
    if (bytes.size() == 16) return ip_address::v6(bytes.first<16>());
    if (bytes.size() == 4) {
      std::uint32_t value = 0;
      for (const std::uint8_t byte : bytes) value = value << 8 | byte;
      return ip_address::v4(value);
    }
    good_ = false;
    return {};
  }
  std::array<std::uint8_t, 32> bytes32(int column) {
    std::array<std::uint8_t, 32> out{};
    const auto bytes = row_.bytes(column);
    if (bytes.size() == out.size()) {
      std::copy(bytes.begin(), bytes.end(), out.begin());
    } else {
      good_ = false;
    }
    return out;
  }
  result<stored<record>> finish(record value) const {
    if (!good_) {
      return fail(errc::corrupt, "the database has a row that this program did not write");
    }
    const auto at = static_cast<std::uint64_t>(row_.number(0));
    return stored<record>{std::move(value), revision{at}};
  }
  void expect(bool good) { good_ = good_ && good; }

 private:
  const run& row_;
  bool good_ = true;
};

}  // namespace

result<stored<record>> read_network(const run& row) {
  reader read(row);
  network made;
  made.name = read.parsed<network_name>(1);
  made.ipv6 = read.parsed<prefix>(2);
  if (!row.null(3)) made.ipv4 = read.parsed<prefix>(3);
  made.dns = read.list<ip_address>(4);
  made.allowed_ips = read.list<prefix>(5);
  made.created_at = to_time(row.number(6));
  made.id = row.text(7);
  return read.finish(std::move(made));
}

result<stored<record>> read_gateway(const run& row) {
  reader read(row);
  gateway made{};
  made.name = read.parsed<gateway_name>(1);
  made.number = static_cast<std::uint16_t>(row.number(2));
  made.region = read.parsed<region_name>(3);
  made.public_key = public_key(read.bytes32(4));
  made.endpoint = row.text(5);
  made.device = row.text(6);
  made.capacity = static_cast<std::uint32_t>(row.number(7));
  made.draining = row.number(8) != 0;
  made.owner = row.text(9);
  made.registered_at = to_time(row.number(10));
  return read.finish(std::move(made));
}

result<stored<record>> read_peer(const run& row) {
  reader read(row);
  peer made;
  made.id = {read.parsed<network_name>(1), read.parsed<peer_name>(2)};
  made.gateway = read.parsed<gateway_name>(3);
  made.public_key = public_key(read.bytes32(4));
  if (!row.null(5)) made.preshared_key = secret_key(read.bytes32(5));
  made.ipv6 = read.address(6);
  if (!row.null(7)) made.ipv4 = read.address(7);
  made.created_at = to_time(row.number(8));
  made.expires_at = time_or_null(row, 9);
  made.created_by = read.parsed<token_id>(10);
  made.assigned_at = time_or_null(row, 11).value_or(made.created_at);
  made.quota = count_or_null(row, 12);
  return read.finish(std::move(made));
}

result<stored<record>> read_token(const run& row) {
  reader read(row);
  token made;
  made.id = read.parsed<token_id>(1);
  made.name = row.text(2);
  if (!row.null(3)) made.network = read.parsed<network_name>(3);
  const std::string scopes = row.text(4);
  for (const std::string_view word : split(scopes)) {
    const auto known = scope_named(word);
    read.expect(known.has_value());
    if (known) made.scopes.push_back(*known);
  }
  made.hash = read.bytes32(5);
  made.created_at = to_time(row.number(6));
  made.expires_at = time_or_null(row, 7);
  made.last_used_at = time_or_null(row, 8);
  made.max_peers = count_or_null(row, 9);
  if (!row.null(10)) made.max_ttl = seconds{row.number(10)};
  made.network_id = row.text(11);
  return read.finish(std::move(made));
}

result<stored<record>> read_mark(const run& row) {
  return reader(row).finish(mark{row.text(1), row.text(2)});
}

namespace {

struct record_writer {
  database& db;
  std::int64_t at;
  bool replace;

  run operator()(const network& value) const {
    run to = db.prepare(
        replace ? "INSERT INTO networks VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
                  " ON CONFLICT (name) DO UPDATE SET ipv6 = excluded.ipv6, ipv4 = excluded.ipv4,"
                  " dns = excluded.dns, allowed_ips = excluded.allowed_ips,"
                  " created_at = excluded.created_at, revision = excluded.revision,"
                  " id = excluded.id"
                : "INSERT INTO networks VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
    to.bind(1, value.name.text()).bind(2, value.ipv6.text());
    if (value.ipv4) to.bind(3, value.ipv4->text());
    to.bind(4, joined(value.dns)).bind(5, joined(value.allowed_ips));
    to.bind(6, to_number(value.created_at)).bind(7, at).bind(8, value.id);
    return to;
  }
  run operator()(const gateway& value) const {
    run to = db.prepare(replace ? "INSERT INTO gateways VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                                  " ON CONFLICT (name) DO UPDATE SET number = excluded.number,"
                                  " region = excluded.region, public_key = excluded.public_key,"
                                  " endpoint = excluded.endpoint, device = excluded.device,"
                                  " capacity = excluded.capacity, draining = excluded.draining,"
                                  " owner = excluded.owner, registered_at = excluded.registered_at,"
                                  " revision = excluded.revision"
                                : "INSERT INTO gateways VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    to.bind(1, value.name.text()).bind(2, std::int64_t{value.number});
    to.bind(3, value.region.text()).bind(4, value.public_key.bytes());
    to.bind(5, value.endpoint).bind(6, value.device).bind(7, std::int64_t{value.capacity});
    to.bind(8, std::int64_t{value.draining}).bind(9, value.owner);
    to.bind(10, to_number(value.registered_at)).bind(11, at);
    return to;
  }
  run operator()(const peer& value) const {
    run to = db.prepare(
        replace ? "INSERT INTO peers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                  " ON CONFLICT (network, name) DO UPDATE SET gateway = excluded.gateway,"
                  " public_key = excluded.public_key, preshared_key = excluded.preshared_key,"
                  " ipv6 = excluded.ipv6, ipv4 = excluded.ipv4, created_at = excluded.created_at,"
                  " expires_at = excluded.expires_at, created_by = excluded.created_by,"
                  " revision = excluded.revision, assigned_at = excluded.assigned_at"
                : "INSERT INTO peers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    to.bind(1, value.id.network.text()).bind(2, value.id.name.text());
    to.bind(3, value.gateway.text()).bind(4, value.public_key.bytes());
    if (value.preshared_key) to.bind(5, value.preshared_key->reveal());
    to.bind(6, value.ipv6.bytes());
    if (value.ipv4) to.bind(7, value.ipv4->bytes());
    to.bind(8, to_number(value.created_at));
    bind_time(to, 9, value.expires_at);
    to.bind(10, value.created_by.text()).bind(11, at).bind(12, to_number(value.assigned_at));
    if (value.quota) to.bind(13, std::int64_t{*value.quota});
    return to;
  }
  run operator()(const token& value) const {
    run to = db.prepare(replace ? "REPLACE INTO tokens VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                                : "INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    to.bind(1, value.id.text()).bind(2, value.name);
    if (value.network) to.bind(3, value.network->text());
    std::string scopes;
    for (const scope each : value.scopes) {
      scopes += (scopes.empty() ? "" : " ") + std::string(name_of(each));
    }
    to.bind(4, scopes).bind(5, value.hash).bind(6, to_number(value.created_at));
    bind_time(to, 7, value.expires_at);
    bind_time(to, 8, value.last_used_at);
    to.bind(9, at);
    if (value.max_peers) to.bind(10, std::int64_t{*value.max_peers});
    if (value.max_ttl) to.bind(11, std::int64_t{value.max_ttl->count()});
    to.bind(12, value.network_id);
    return to;
  }
  run operator()(const mark& value) const {
    run to = db.prepare(replace ? "REPLACE INTO marks VALUES (?, ?, ?)"
                                : "INSERT INTO marks VALUES (?, ?, ?)");
    to.bind(1, value.name).bind(2, value.value).bind(3, at);
    return to;
  }
};

/// One statement for each kind of key, bound to it.
struct by_key {
  database& db;
  std::string_view network, gateway, peer, token, mark;

  run operator()(const network_name& key) const { return one(network, key.text()); }
  run operator()(const gateway_name& key) const { return one(gateway, key.text()); }
  run operator()(const peer_id& key) const {
    run to = db.prepare(peer);
    to.bind(1, key.network.text()).bind(2, key.name.text());
    return to;
  }
  run operator()(const token_id& key) const { return one(token, key.text()); }
  run operator()(const mark_name& key) const { return one(mark, key.text); }

 private:
  run one(std::string_view sql, std::string_view text) const {
    run to = db.prepare(sql);
    to.bind(1, text);
    return to;
  }
};

}  // namespace

run write_record(database& db, const record& value, revision at, bool replace) {
  return std::visit(record_writer{db, static_cast<std::int64_t>(at.number), replace}, value);
}

run select_revision(database& db, const record_key& key) {
  return std::visit(by_key{db, "SELECT revision FROM networks WHERE name = ?",
                           "SELECT revision FROM gateways WHERE name = ?",
                           "SELECT revision, gateway, public_key FROM peers"
                           " WHERE network = ? AND name = ?",
                           "SELECT revision FROM tokens WHERE id = ?",
                           "SELECT revision FROM marks WHERE name = ?"},
                    key);
}

run delete_record(database& db, const record_key& key) {
  return std::visit(
      by_key{db, "DELETE FROM networks WHERE name = ?", "DELETE FROM gateways WHERE name = ?",
             "DELETE FROM peers WHERE network = ? AND name = ?", "DELETE FROM tokens WHERE id = ?",
             "DELETE FROM marks WHERE name = ?"},
      key);
}

}  // namespace peerage::sqlite
