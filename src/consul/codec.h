// What Consul's KV and transaction calls say, as values and as bytes: pure functions, called by the
// rest of this room. Shapes are those of Consul 1.8 (api-docs/kv, api-docs/txn); members that newer
// versions add are passed over. Bytes that are no such answer are errc::corrupt.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "model/revision.h"

namespace peerage::consul {

/// Consul's own bound on one transaction.
inline constexpr std::size_t most_operations = 64;

enum class verb { set, cas, remove, remove_cas, remove_tree, check_index, check_not_exists, get };

struct operation {
  verb what{};
  std::string key;
  std::string value;        // of set and cas
  std::uint64_t flags = 0;  // of set and cas
  std::uint64_t index = 0;  // of cas (0: there is none), remove_cas and check_index
};

/// One key as Consul has it.
struct entry {
  std::string key;
  std::string value;
  std::uint64_t flags = 0;
  std::uint64_t index = 0;  // ModifyIndex: of the transaction that wrote it last
};

struct refusal {
  std::size_t operation = 0;  // which of them, from 0
  std::string why;
};

/// Done when `refusals` is empty; otherwise nothing of it happened, and every operation that stood
/// in the way is named. `results` has what was set or got, without the values of what was set.
struct txn_answer {
  std::vector<entry> results;
  std::vector<refusal> refusals;
};

/// The body of PUT /v1/txn.
std::string write_txn(std::span<const operation> operations);
/// The body of its answer, of status 200 or 409.
result<txn_answer> read_txn(std::string_view body);
/// The body of GET /v1/kv/KEY, with ?recurse or without.
result<std::vector<entry>> read_entries(std::string_view body);
/// The body of GET /v1/kv/PREFIX?keys.
result<std::vector<std::string>> read_keys(std::string_view body);

/// What an answer that is neither success nor a refused transaction means. errc::denied for 403;
/// errc::unavailable for a read, and for a write that is known not to have begun;
/// errc::outcome_unknown for any other 5xx to a write; errc::corrupt for all else.
error error_of(int status, std::string_view body, bool writing);
/// errc::denied, with what to look at.
error denied();

// Consul leaves the index of a key alone when a set changes nothing of it, so each write has flags
// of its own; and one transaction carries several commits, so they also say which of them it was.
struct write_mark {
  std::uint64_t nonce = 0;  // another for each write; its low 57 bits count
  std::uint64_t slot = 0;   // 0 to 63: the commit's place in its transaction
  bool closing = false;     // of a network or gateway: somebody means to remove it
};

std::uint64_t write_flags(const write_mark& from);
bool closing(const entry& of);

/// 64 numbers for each of Consul's indexes, so that commits that share one are told apart.
revision revision_of(std::uint64_t index, std::uint64_t slot);
revision revision_of(const entry& from);
/// The greatest of an index: everything that Consul has done up to it.
revision last_revision_of(std::uint64_t index);
std::uint64_t index_of(revision from);

}  // namespace peerage::consul
