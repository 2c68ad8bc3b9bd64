// Who may speak on the bus, and with which key: what a message's seal is held against. Kept where
// only those may write who may: an API process's key by API processes, a gateway's by itself.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "async/task.h"
#include "base/error.h"
#include "base/time.h"
#include "model/key.h"

namespace peerage {

enum class party_kind : std::uint8_t { api, gateway };

struct party {
  party_kind kind{};
  std::string name;  // of an API process: its id; of a gateway: its name. A DNS label
  public_key key;    // X25519, for the bus alone

  bool operator==(const party&) const = default;
};

struct roster_word {
  std::vector<party> parties;  // all of the kind
  std::string position;        // for the next follow()
};

struct roster {
  virtual ~roster() = default;
  /// Makes the party known, in place of an earlier key of that name; writes nothing where it is
  /// known so already. Errors as store::commit().
  virtual task<result<>> enter(party who) = 0;
  /// All of a kind: at once where something has changed since `position` ("": nothing is known
  /// yet), else as soon as it does, or unchanged after `wait` or early. One call at a time for
  /// each kind. errc::unavailable, errc::denied, errc::corrupt.
  virtual task<result<roster_word>> follow(party_kind whom, std::string position,
                                           steady_duration wait) = 0;
};

}  // namespace peerage
