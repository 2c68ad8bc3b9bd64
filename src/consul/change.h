// From the writes of a commit to Consul's operations: pure functions over what was read. Each
// operation knows what its refusal means. The peer's own key guards what hangs on it (assignment,
// place, addresses, expiry): those change only in a transaction that also moves the peer's key, and
// so an index of the peer's key that still holds says that they are as they were read.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "consul/codec.h"
#include "consul/keys.h"
#include "model/record.h"

namespace peerage::consul {

/// What it means that Consul refuses an operation.
enum class blame {
  moved,  // it is not as it was read: read again, decide again
  name,
  public_key,
  addresses,
  number,
  max_peers,
  max_tokens,
};

struct step {
  operation call;
  blame why = blame::moved;
};

/// By how much a count changes, and what it may be then.
struct count_change {
  std::int64_t by = 0;
  std::int64_t most = 0;  // of no account where it does not grow
  blame beyond = blame::max_peers;
};

/// One commit, ready to be sent.
struct change {
  std::vector<step> steps;
  // For each gateway the keys whose assignment changes, as its rings tell them.
  std::map<std::string, std::set<std::string>> touched;
  // What the count under quotas/ of a token's peers, or of a network's tokens, changes by.
  std::map<std::string, count_change> counts;
};

/// A record that was read, with the bytes that it was read from.
template <class T>
struct known {
  entry raw;
  T value;
};

/// The network or gateway that a peer stands on: it stays as it was read, or the commit is refused.
/// One that is being removed is written again, which is what stops the removal.
void hold(change& to, const entry& what);

/// What `expected` says of a record before anything is sent. errc::conflict, errc::not_found.
result<> meets(const expectation& expected, const entry* now);
/// The error for a refusal that is none of blame::moved.
error error_of(blame why);

/// `old` is absent where there is none; with `absent` expected it need not be read.
void put_peer(change& to, const key_space& keys, const peer& wanted,
              std::optional<prefix> network_ipv4, std::vector<prefix> network_routes,
              const std::optional<known<peer>>& old, const expectation& expected);
void remove_peer(change& to, const key_space& keys, const known<peer>& old);
void put_gateway(change& to, const key_space& keys, const gateway& wanted,
                 const std::optional<known<gateway>>& old, const expectation& expected);
/// `number` is absent where the record can't be read.
void remove_gateway(change& to, const key_space& keys, const gateway_name& name, const entry& old,
                    std::optional<std::uint16_t> number);
/// A new token is counted for its network, by the network's id; `most` 0: no limit.
void put_token(change& to, const key_space& keys, const token& wanted, const entry* old,
               const expectation& expected, std::uint32_t most);
void remove_token(change& to, const known<token>& old);
/// Networks and marks, which have nothing beside them.
void put_plain(change& to, std::string key, std::string value, const entry* old,
               const expectation& expected);
void remove_plain(change& to, const entry& old);

/// A key that hangs on a peer's record: there because of it, changed and removed only with it.
struct hanging_key {
  std::string key;
  std::string value;  // as the record says; empty where only the key matters
};
/// All that hang on the peer: its assignment, its place on the gateway, addresses, expiry. The
/// first is the assignment.
std::vector<hanging_key> hanging_keys(const key_space& keys, const peer& of,
                                      std::optional<prefix> network_ipv4,
                                      std::vector<prefix> network_routes);

/// The record in the entry. errc::corrupt when it is none of ours, or is not what its key says.
result<record> read_record(const key_space& keys, const record_key& kind, const entry& from);
std::string write_record(const record& from);

}  // namespace peerage::consul
