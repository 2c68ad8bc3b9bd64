// Who is believed on the bus. Seals what this process says and judges the seals of what it hears,
// against the keys that the roster names; no I/O. Owned by the bus, on the loop's thread. Inside
// this room. What is refused is an errc::denied with the reason in words.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "model/name.h"
#include "natsbus/keyring.h"
#include "natsbus/seal.h"
#include "ports/clock.h"

namespace peerage::nats {

/// How far a message's time may be from the hearer's: its age and the difference of the clocks.
inline constexpr seconds longest_age{60};

class guard {
 public:
  /// `api`: the id of this process as an API process; empty where it is none. `time` outlives it.
  guard(secret_key mine, std::string api, clock& time);

  keyring& keys() { return keys_; }
  const std::string& api() const { return api_; }

  // An API process: what it asks, and what it is answered.
  struct question {
    std::string subject;
    std::string to;       // the gateway
    std::string request;  // its id
    std::string seal;     // the header
    shared_key with;
  };
  /// errc::unavailable while the gateway's key is not known.
  result<question> ask(const gateway_name& to, std::string subject, std::string_view body);
  bool believes(const question& asked, std::string_view seal, std::string_view body) const;
  /// A gateway's word to every API process: when it was sealed, by the gateway's clock. Each is
  /// believed once, in the order of their times; also one whose time is far from this host's, as
  /// where the two clocks differ. errc::not_found while the gateway's key is not known.
  result<wall_time> believe_heartbeat(const gateway_name& from, std::string_view subject,
                                      std::string_view seal, std::string_view body);

  // A gateway: what it is asked, and what it says.
  struct asker {
    std::string signer;
    std::string request;
    shared_key with;
    bool fresh = false;  // its time is within the limit
  };
  /// errc::not_found for a signer whose key is not known (yet). One that is vouched for and too old
  /// is given, not fresh: whoever asked may be told so.
  result<asker> judge(const gateway_name& at, std::string_view subject, std::string_view seal,
                      std::string_view body);
  std::string answer(const gateway_name& at, std::string_view subject, const asker& to,
                     std::string_view body) const;
  std::string beat(const gateway_name& at, std::string_view subject, std::string_view body);

  /// Whether it is within longest_age of this host's clock.
  bool fresh(wall_time at) const;
  /// Whether more API processes are known than one heartbeat reaches.
  bool too_many_apis() const;

 private:
  void note_alive(const std::string& api);
  std::vector<std::string> hearers();

  clock& time_;
  keyring keys_;
  std::string api_;
  std::string start_;  // random: what is counted from here is nobody else's
  std::uint64_t asked_ = 0;
  std::deque<std::string> alive_;                 // API processes that asked, the last one first
  std::size_t turn_ = 0;                          // of the others
  std::map<std::string, wall_time> sent_beats_;   // by gateway: the last one's time
  std::map<std::string, wall_time> heard_beats_;  // the same, of those believed
  std::map<std::string, wall_time> stale_beats_;  // the same, of those that were not fresh
};

/// In words, of a message that is not fresh.
std::string why_stale();

}  // namespace peerage::nats
