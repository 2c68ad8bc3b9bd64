#include "tests/sim/follow.h"

#include <algorithm>
#include <charconv>

namespace peerage::sim {
namespace {

constexpr unsigned parts = 2;

std::string position_of(const std::string& epoch, std::uint64_t index) {
  return epoch + ":" + std::to_string(index);
}

}  // namespace

following::following(store_world& in, gateway_name gateway, const std::string& position,
                     steady_time until)
    : in_(in), gateway_(std::move(gateway)), until_(until) {
  const auto colon = position.find(':');
  if (colon == std::string::npos) return;
  epoch_ = position.substr(0, colon);
  std::from_chars(position.data() + colon + 1, position.data() + position.size(), index_);
}

bool following::ready() const {
  if (at_ != stage::rings || epoch_ != in_.now.epoch) return true;
  return in_.now.last_of(gateway_) > index_ || in_.time.steady >= until_;
}

std::optional<result<followed>> following::look(dice& chance) {
  switch (at_) {
    case stage::rings: return look_at_rings(chance);
    case stage::changes: return look_at_changes();
    case stage::parts: look_at_part(); return {};
    case stage::rings_again: return look_again();
  }
  return {};
}

std::optional<result<followed>> following::look_at_rings(dice& chance) {
  now_epoch_ = in_.now.epoch;
  seen_ = in_.now.last_of(gateway_);
  const bool gap = chance.chance(in_.lies ? 50 : in_.mischief);
  if (epoch_ != now_epoch_ || seen_ < index_ || gap) {
    at_ = stage::parts;
    return {};
  }
  // A ring of a busy moment may tell more than is new.
  const std::uint64_t behind = chance.chance(in_.mischief)
                                   ? index_ - std::min<std::uint64_t>(index_, chance.below(3))
                                   : index_;
  keys_ = in_.now.changed(gateway_, behind);
  at_ = stage::changes;
  if (!keys_.empty()) return {};
  return look_at_changes();
}

result<followed> following::look_at_changes() {
  followed made;
  made.of.id = epoch_;
  made.what.keys.assign(keys_.begin(), keys_.end());
  if (!keys_.empty()) made.what.peers = in_.now.on(gateway_, &keys_);
  made.what.as_of = revision{seen_ * 64 + 63};
  made.position = position_of(epoch_, seen_);
  return made;
}

/// Whether nobody who knew what was there would believe that all of it is gone.
bool following::implausible() const {
  const std::size_t all = in_.now.on(gateway_, nullptr).size();
  const std::size_t recorded = in_.now.changes(gateway_, index_) + 10;
  return epoch_ == now_epoch_ && all > 2 * recorded;
}

/// The first half of all keys, then the second.
void following::look_at_part() {
  if (in_.lies && parts_ == 0 && implausible()) {
    // What is new it tells: nobody could ever miss that.
    in_.lies = false;
    const auto fresh = in_.now.changed(gateway_, index_);
    read_ = in_.now.on(gateway_, &fresh);
    parts_ = parts;
  }
  for (auto& each : in_.now.on(gateway_, nullptr)) {
    if (parts_ >= parts) break;
    const bool second = each.peer.public_key.bytes()[0] >= 0x80;
    if (second == (parts_ == 1)) read_.push_back(std::move(each));
  }
  ++parts_;
  if (parts_ >= parts) at_ = stage::rings_again;
}

/// What changed meanwhile is read anew.
result<followed> following::look_again() {
  if (in_.now.epoch != now_epoch_) return fail(errc::unavailable, "Consul was restored meanwhile");
  const auto changed = in_.now.changed(gateway_, seen_);
  std::erase_if(read_, [&](const auto& each) { return changed.contains(each.peer.public_key); });
  for (auto& each : in_.now.on(gateway_, &changed)) read_.push_back(std::move(each));
  followed made;
  made.of.id = now_epoch_;
  made.what.whole = true;
  made.what.peers = std::move(read_);
  const std::uint64_t seen = in_.now.last_of(gateway_);
  made.what.as_of = revision{seen * 64 + 63};
  if (epoch_ == now_epoch_) made.what.recorded = in_.now.changes(gateway_, index_);
  made.position = position_of(now_epoch_, seen);
  return made;
}

}  // namespace peerage::sim
