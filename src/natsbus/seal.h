// The seal that a message carries in a header: who vouches for it, towards whom, and a MAC for each
// of those over what it says of itself and the exact body. Pure. Inside this room.
//
//   Peerage-Seal: 1 SIGNER REQUEST TIME TO=MAC[,TO=MAC…]
//
// SIGNER and TO are an API process's id and a gateway's name, or the other way round; REQUEST is an
// id of one request, 1 to 64 of a-z 0-9 and -; TIME is Unix time in ms; MAC is 64 hex digits.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"
#include "crypto/mac.h"

namespace peerage::nats {

inline constexpr const char* seal_header = "Peerage-Seal";
inline constexpr std::size_t most_seal = 16'000;  // bytes of the header's value

enum class sealed_as : std::uint8_t { request, reply, heartbeat };

/// What a MAC covers beside the body.
struct envelope {
  sealed_as what{};
  std::string_view subject;  // a reply's is that of its request
  std::string_view signer;
  std::string_view to;
  std::string_view request;
  wall_time at;
};

/// HMAC-SHA256 over "peerage.v1 KIND\nSUBJECT\nSIGNER\nTO\nREQUEST\nTIME\n" and the body.
authenticator::tag tag_of(const authenticator& with, const envelope& about, std::string_view body);

struct seal {
  std::string signer;
  std::string request;
  wall_time at;
  std::vector<std::pair<std::string, authenticator::tag>> tags;  // by whom they are for

  const authenticator::tag* tag_for(std::string_view whom) const;
};

std::string write_seal(const seal& from);
/// Nothing for text that is none.
std::optional<seal> read_seal(std::string_view text);

}  // namespace peerage::nats
