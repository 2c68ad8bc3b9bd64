// Records as rows, both ways. A row that does not hold a valid record is errc::corrupt, and its
// message names the first column that is wrong: anybody may have edited the file.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/record.h"
#include "sqlite/database.h"

namespace peerage::sqlite {

/// The columns that read_… wants, in its order; the revision is always the first.
inline constexpr std::string_view network_columns =
    "revision, name, ipv6, ipv4, dns, allowed_ips, created_at, id";
inline constexpr std::string_view gateway_columns =
    "revision, name, number, region, public_key, endpoint, device, capacity, draining, owner, "
    "registered_at, mtu";
inline constexpr std::string_view peer_columns =
    "revision, network, name, gateway, public_key, preshared_key, ipv6, ipv4, created_at, "
    "expires_at, created_by, assigned_at, quota";
inline constexpr std::string_view token_columns =
    "revision, id, name, network, scopes, hash, created_at, expires_at, last_used_at, max_peers, "
    "max_ttl_s, network_id";
inline constexpr std::string_view mark_columns = "revision, name, value";

result<stored<record>> read_network(const run& row);
result<stored<record>> read_gateway(const run& row);
result<stored<record>> read_peer(const run& row);
result<stored<record>> read_token(const run& row);
/// Never fails: a value that is no text is read as "".
result<stored<record>> read_mark(const run& row);
bool is_readable_mark(const run& row);

/// What a peer's assignment tells of its network.
struct network_part {
  std::optional<prefix> ipv4;
  std::vector<prefix> routes;
};
/// The same of a network whose other columns may be wrong.
network_part read_network_part(const run& row);

/// The row's name for people: `columns` of them, from 1; in hex where it is no text.
std::string key_text(const run& row, int columns);
/// The public key in a peer's row, where that column is right.
std::optional<public_key> key_in_peer(const run& row);

/// An INSERT of the record; with `replace`, an UPDATE where its key is there.
run write_record(database& db, const record& value, revision at, bool replace);

/// "SELECT revision FROM … WHERE key", bound; of a peer, its gateway and public key behind it.
run select_revision(database& db, const record_key& key);
run delete_record(database& db, const record_key& key);

}  // namespace peerage::sqlite
