// What the audit tells of one call: who wanted to change what, from where, and how it ended.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "model/name.h"

namespace peerage {

enum class deed { refused, unknown, created, changed, rekeyed, removed };

std::string_view name_of(deed value);  // "rekeyed"
std::optional<deed> deed_named(std::string_view name);

/// Texts are empty where they do not apply. No secret is in here: not a token's text, not a
/// preshared key.
struct audit_entry {
  wall_time at;
  std::string process;  // the API process that was asked
  token_id token;       // whose call it was
  std::string remote;   // the address it came from
  std::string call;     // "PUT /v1/networks/{network}/peers/{name}"
  deed did{};
  int status = 0;                                  // of the answer
  std::string network, peer, gateway, made_token;  // what it was about, by name or id
  std::string public_key;                          // the peer's, from then on
  std::uint64_t more = 0;  // so many other refusals of this token, before it, have no entry

  bool operator==(const audit_entry&) const = default;
};

}  // namespace peerage
