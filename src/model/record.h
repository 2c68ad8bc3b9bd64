// What the store keeps, and how it is changed: records, each under its key, each with the revision
// of the transaction that wrote it last.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "model/gateway.h"
#include "model/network.h"
#include "model/peer.h"
#include "model/revision.h"
#include "model/token.h"

namespace peerage {

/// A small word under a name, for what is not a thing of its own: "bootstrap", and the ledgers that
/// make decisions over a whole list safe ("networks", "gateways").
struct mark {
  std::string name;
  std::string value;
  bool operator==(const mark&) const = default;
};

struct mark_name {
  std::string text;
  bool operator==(const mark_name&) const = default;
};

using record = std::variant<network, gateway, peer, token, mark>;
using record_key = std::variant<network_name, gateway_name, peer_id, token_id, mark_name>;

record_key key_of(const record& value);

template <class T>
struct stored {
  T value;
  peerage::revision revision;  // of the transaction that wrote it last
};

/// What must be true of a record at the moment of the commit, or nothing of it happens.
struct anything {};
struct absent {};
struct present {};
using expectation = std::variant<anything, absent, present, revision>;

struct put {
  record value;
  expectation expected;
  // Of a peer: the id of the network that it is meant for; empty: whichever has the name.
  std::string network_id = {};
  // Of a new token of a network: that network has so many at most; 0: no limit.
  std::uint32_t most_tokens = 0;
};

struct removal {
  record_key key;
  expectation expected;
};

using write = std::variant<put, removal>;
using transaction = std::vector<write>;

}  // namespace peerage
