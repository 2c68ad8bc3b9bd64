#include "natsbus/keyring.h"

#include <utility>

#include "crypto/x25519.h"

namespace peerage::nats {

keyring::keyring(secret_key mine) : mine_(std::move(mine)), open_(public_of(mine_)) {}

bool keyring::know(party_kind kind, const std::vector<party>& all) {
  auto& known = others_[kind];
  std::map<std::string, other_party> now;
  std::size_t kept = 0;
  for (const party& each : all) {
    if (each.kind != kind) continue;
    const auto before = known.find(each.name);
    const bool same = before != known.end() && before->second.key == each.key;
    kept += same ? 1 : 0;
    now.insert_or_assign(each.name, same ? std::move(before->second) : other_party{each.key, {}});
  }
  const bool news = kept != now.size() || kept != known.size();
  known = std::move(now);
  return news;
}

std::vector<std::string> keyring::known(party_kind kind) const {
  std::vector<std::string> made;
  const auto all = others_.find(kind);
  if (all == others_.end()) return made;
  for (const auto& [name, each] : all->second) made.push_back(name);
  return made;
}

std::size_t keyring::count(party_kind kind) const {
  const auto all = others_.find(kind);
  return all == others_.end() ? 0 : all->second.size();
}

shared_key keyring::with(party_kind kind, const std::string& other, const std::string& self) {
  auto& known = others_[kind];
  const auto found = known.find(other);
  if (found == known.end()) return {};
  shared_key& kept = found->second.agreed[self];
  if (kept) return kept;
  const auto secret = agree(mine_, found->second.key);
  if (!secret) return {};  // the roster has no such keys; the parser sees to it
  const bool to_api = kind == party_kind::api;
  std::string use = "peerage.v1 bus ";
  use += (to_api ? other : self) + " " + (to_api ? self : other) + " ";
  use += (to_api ? found->second.key : open_).text() + " ";
  use += (to_api ? open_ : found->second.key).text();
  kept = std::make_shared<const authenticator>(derive(*secret, use));
  return kept;
}

}  // namespace peerage::nats
