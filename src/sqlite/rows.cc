#include "sqlite/rows.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <optional>
#include <span>
#include <string>

#include "base/base64.h"
#include "model/apply.h"

namespace peerage::sqlite {
namespace {

std::int64_t to_number(wall_time time) {
  return time.time_since_epoch().count();
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

/// UTF-8 (RFC 3629) without control characters: it goes into JSON, logs and terminals.
bool is_plain_text(std::string_view text) {
  while (!text.empty()) {
    const auto first = static_cast<unsigned char>(text.front());
    if (first < 0x20 || first == 0x7f) return false;
    const auto ones = static_cast<std::size_t>(std::countl_one(first));
    const std::size_t size = ones == 0 ? 1 : ones;
    if (ones == 1 || size > 4 || size > text.size()) return false;
    unsigned value = ones == 0 ? first : first & (0xffU >> (size + 1));
    for (const char each : text.substr(1, size - 1)) {
      const auto next = static_cast<unsigned char>(each);
      if ((next & 0xc0U) != 0x80) return false;
      value = value << 6 | (next & 0x3fU);
    }
    constexpr std::array<unsigned, 5> least = {0, 0, 0x80, 0x800, 0x10000};
    if (value < least.at(size) || value > 0x10ffff || (value >= 0xd800 && value < 0xe000)) {
      return false;
    }
    text.remove_prefix(size);
  }
  return true;
}

/// Reads values out of columns and remembers the first that is not what this program writes: of
/// another type, out of range, no name. Anybody may have edited the file.
class reader {
 public:
  explicit reader(const run& row) : row_(row) {}

  template <class T>
  T parsed(std::string_view text, int column) {
    auto value = T::parse(text);
    if (value) return *std::move(value);
    blame(column);
    return T{};
  }
  template <class T>
  T parsed(int column) {
    const std::string found = text(column);
    return parsed<T>(found, column);
  }
  template <class T>
  std::vector<T> list(int column) {
    std::vector<T> all;
    const std::string found = text(column);
    const auto words = split(found);
    expect(words.size() <= most_words, column);
    if (words.size() > most_words) return all;
    for (const std::string_view word : words) all.push_back(parsed<T>(word, column));
    return all;
  }
  std::string text(int column) {
    if (row_.type_of(column) == run::type::text) {
      std::string found = row_.text(column);
      if (found.size() <= longest_text && is_plain_text(found)) return found;
    }
    blame(column);
    return {};
  }
  std::int64_t number(int column, std::int64_t least, std::int64_t most) {
    const std::int64_t found = row_.number(column);
    const bool good = row_.type_of(column) == run::type::integer && found >= least && found <= most;
    expect(good, column);
    return good ? found : least;
  }
  wall_time time(int column) { return wall_time{milliseconds{number(column, 0, last_time)}}; }
  std::optional<wall_time> time_or_null(int column) {
    if (row_.null(column)) return {};
    return time(column);
  }
  std::optional<std::uint32_t> count_or_null(int column) {
    if (row_.null(column)) return {};
    return static_cast<std::uint32_t>(number(column, 0, largest_count));
  }
  ip_address ipv6(int column) {
    const auto bytes = blob(column);
    if (bytes.size() == 16) return ip_address::v6(bytes.first<16>());
    blame(column);
    return {};
  }
  ip_address ipv4(int column) {
    const auto bytes = blob(column);
    expect(bytes.size() == 4, column);
    std::uint32_t value = 0;
    for (const std::uint8_t byte : bytes.first(std::min<std::size_t>(bytes.size(), 4))) {
      value = value << 8 | byte;
    }
    return ip_address::v4(value);
  }
  std::array<std::uint8_t, 32> bytes32(int column) {
    std::array<std::uint8_t, 32> out{};
    const auto bytes = blob(column);
    expect(bytes.size() == out.size(), column);
    if (bytes.size() == out.size()) std::copy(bytes.begin(), bytes.end(), out.begin());
    return out;
  }
  result<stored<record>> finish(record value) {
    const auto at = number(0, 0, std::numeric_limits<std::int64_t>::max());
    if (bad_) return fail(errc::corrupt, "its " + row_.name_of(*bad_) + " can't be read");
    return stored<record>{std::move(value), revision{static_cast<std::uint64_t>(at)}};
  }
  void expect(bool good, int column) {
    if (!good) blame(column);
  }
  bool good() const { return !bad_; }

 private:
  static constexpr std::size_t longest_text = 16'384;
  static constexpr std::size_t most_words = 1'000;
  static constexpr std::int64_t last_time = 253'402'300'799'999;  // of the year 9999
  static constexpr std::int64_t largest_count = std::numeric_limits<std::uint32_t>::max();

  std::span<const std::uint8_t> blob(int column) const {
    if (row_.type_of(column) != run::type::blob) return {};
    return row_.bytes(column);
  }
  void blame(int column) {
    if (!bad_) bad_ = column;
  }

  const run& row_;
  std::optional<int> bad_;  // the first
};

}  // namespace

result<stored<record>> read_network(const run& row) {
  reader read(row);
  network made;
  made.name = read.parsed<network_name>(1);
  made.ipv6 = read.parsed<prefix>(2);
  read.expect(made.ipv6.family() == family::ipv6 && made.ipv6.length() == 48, 2);
  if (!row.null(3)) {
    made.ipv4 = read.parsed<prefix>(3);
    read.expect(made.ipv4->family() == family::ipv4, 3);
  }
  made.dns = read.list<ip_address>(4);
  made.allowed_ips = read.list<prefix>(5);
  made.created_at = read.time(6);
  made.id = read.text(7);
  return read.finish(std::move(made));
}

network_part read_network_part(const run& row) {
  // Each column for itself.
  network_part made;
  reader ipv6(row), ipv4(row), routes(row);
  network whole;
  whole.ipv6 = ipv6.parsed<prefix>(2);
  if (!row.null(3)) whole.ipv4 = ipv4.parsed<prefix>(3);
  whole.allowed_ips = routes.list<prefix>(5);
  const bool has_ipv4 = whole.ipv4 && ipv4.good() && whole.ipv4->family() == family::ipv4;
  if (has_ipv4) made.ipv4 = whole.ipv4;
  if (ipv6.good() && ipv4.good() && routes.good()) made.routes = routes_of(whole);
  return made;
}

result<stored<record>> read_gateway(const run& row) {
  constexpr std::int64_t last_number = 65'535;
  constexpr std::int64_t largest = std::numeric_limits<std::uint32_t>::max();
  reader read(row);
  gateway made{};
  made.name = read.parsed<gateway_name>(1);
  made.number = static_cast<std::uint16_t>(read.number(2, 1, last_number));
  made.region = read.parsed<region_name>(3);
  made.public_key = public_key(read.bytes32(4));
  made.endpoint = read.text(5);
  read.expect(parse_endpoint(made.endpoint).has_value(), 5);
  made.device = read.text(6);
  made.capacity = static_cast<std::uint32_t>(read.number(7, 0, largest));
  made.draining = read.number(8, 0, 1) != 0;
  made.owner = read.text(9);
  made.registered_at = read.time(10);
  made.mtu = static_cast<std::uint32_t>(read.number(11, least_mtu, most_mtu));
  return read.finish(std::move(made));
}

result<stored<record>> read_peer(const run& row) {
  reader read(row);
  peer made;
  made.id = {read.parsed<network_name>(1), read.parsed<peer_name>(2)};
  made.gateway = read.parsed<gateway_name>(3);
  made.public_key = public_key(read.bytes32(4));
  if (!row.null(5)) made.preshared_key = secret_key(read.bytes32(5));
  made.ipv6 = read.ipv6(6);
  if (!row.null(7)) made.ipv4 = read.ipv4(7);
  made.created_at = read.time(8);
  made.expires_at = read.time_or_null(9);
  made.created_by = read.parsed<token_id>(10);
  made.assigned_at = read.time_or_null(11).value_or(made.created_at);
  made.quota = read.count_or_null(12);
  return read.finish(std::move(made));
}

result<stored<record>> read_token(const run& row) {
  constexpr std::int64_t longest_ttl = 315'360'000;  // ten years
  constexpr std::size_t most_scopes = 16;
  reader read(row);
  token made;
  made.id = read.parsed<token_id>(1);
  made.name = read.text(2);
  if (!row.null(3)) made.network = read.parsed<network_name>(3);
  const std::string scopes = read.text(4);
  const auto words = split(scopes);
  read.expect(words.size() <= most_scopes, 4);
  for (const std::string_view word : words) {
    const auto known = scope_named(word);
    read.expect(known.has_value(), 4);
    if (known && made.scopes.size() < most_scopes) made.scopes.push_back(*known);
  }
  made.hash = read.bytes32(5);
  made.created_at = read.time(6);
  made.expires_at = read.time_or_null(7);
  made.last_used_at = read.time_or_null(8);
  made.max_peers = read.count_or_null(9);
  if (!row.null(10)) made.max_ttl = seconds{read.number(10, 0, longest_ttl)};
  made.network_id = read.text(11);
  return read.finish(std::move(made));
}

result<stored<record>> read_mark(const run& row) {
  // As it is: what can't be read is empty, and the next write puts it right.
  mark made{row.text(1), is_readable_mark(row) ? row.text(2) : std::string()};
  return stored<record>{std::move(made), revision{static_cast<std::uint64_t>(row.number(0))}};
}

bool is_readable_mark(const run& row) {
  return row.type_of(2) == run::type::text;
}

std::string key_text(const run& row, int columns) {
  constexpr std::size_t longest = 80;
  std::string text;
  for (int column = 1; column <= columns; ++column) {
    const std::string part = row.text(column);
    const bool plain = row.type_of(column) == run::type::text && is_plain_text(part);
    const std::string shown = plain ? part : "x'" + hex_encode(row.bytes(column)) + "'";
    text += (text.empty() ? "" : "/") + shown.substr(0, longest);
  }
  return text;
}

std::optional<public_key> key_in_peer(const run& row) {
  const auto bytes = row.bytes(4);
  if (row.type_of(4) != run::type::blob || bytes.size() != key_size) return {};
  return public_key(bytes.first<key_size>());
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
    run to =
        db.prepare(replace ? "INSERT INTO gateways VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                             " ON CONFLICT (name) DO UPDATE SET number = excluded.number,"
                             " region = excluded.region, public_key = excluded.public_key,"
                             " endpoint = excluded.endpoint, device = excluded.device,"
                             " capacity = excluded.capacity, draining = excluded.draining,"
                             " owner = excluded.owner, registered_at = excluded.registered_at,"
                             " revision = excluded.revision, mtu = excluded.mtu"
                           : "INSERT INTO gateways VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    to.bind(1, value.name.text()).bind(2, std::int64_t{value.number});
    to.bind(3, value.region.text()).bind(4, value.public_key.bytes());
    to.bind(5, value.endpoint).bind(6, value.device).bind(7, std::int64_t{value.capacity});
    to.bind(8, std::int64_t{value.draining}).bind(9, value.owner);
    to.bind(10, to_number(value.registered_at)).bind(11, at).bind(12, std::int64_t{value.mtu});
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
