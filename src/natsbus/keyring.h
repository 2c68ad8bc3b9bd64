// The keys that this process shares with each API process or gateway that the roster names: agreed
// when they are first needed, then kept. On the loop's thread. Inside this room.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "crypto/mac.h"
#include "ports/roster.h"

namespace peerage::nats {

using shared_key = std::shared_ptr<const authenticator>;

class keyring {
 public:
  explicit keyring(secret_key mine);

  /// The roster's word on all of a kind: who is not in it is not known from now on. True where that
  /// is news.
  bool know(party_kind kind, const std::vector<party>& all);
  std::vector<std::string> known(party_kind kind) const;  // their names
  std::size_t count(party_kind kind) const;

  /// The key between this process, as `self`, and another of the given kind: X25519, then HKDF over
  /// both names and both public keys. Nothing where the roster does not name it.
  shared_key with(party_kind kind, const std::string& other, const std::string& self);

  const public_key& open_key() const { return open_; }

 private:
  struct other_party {
    public_key key;
    std::map<std::string, shared_key> agreed;  // by the name that this process has towards it
  };
  secret_key mine_;
  public_key open_;
  std::map<party_kind, std::map<std::string, other_party>> others_;
};

}  // namespace peerage::nats
