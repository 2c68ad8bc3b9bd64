#include "testing/fake_device.h"

#include <algorithm>
#include <stdexcept>

#include "crypto/x25519.h"

namespace peerage::fakes {

void fake_device::take_own(const secret_key& private_key) {
  own_ = public_of(private_key);
  peers.erase(*own_);
}

std::optional<public_key> fake_device::ignored() const {
  return own_ || !like_userspace ? own_ : public_key{};
}

task<result<>> fake_device::configure(secret_key private_key, std::uint16_t listen_port) {
  if (gone_) co_return fail(errc::unavailable, "the device is gone");
  take_own(private_key);
  configured_ = {clamped(private_key), listen_port};
  altered = false;
  co_return result<>{};
}

void fake_device::configure_beside(const secret_key& private_key, std::uint16_t listen_port) {
  take_own(private_key);
  if (!configured_) return;
  const bool same_port = configured_->second == 0 || configured_->second == listen_port;
  altered = configured_->first != clamped(private_key) || !same_port;
}

task<result<>> fake_device::apply(std::vector<device_change> changes) {
  batches.push_back(changes.size());
  while (held) co_await released_.wait();
  if (time != nullptr) co_await time->wait_until(time->steady() + cost_of(changes));
  if (changes.empty()) co_return result<>{};  // nobody is asked
  if (gone_) co_return fail(errc::unavailable, "the device is gone");
  const bool failing = fail_next > 0;
  if (failing) --fail_next;
  const std::size_t count = !failing ? changes.size() : half_apply ? changes.size() / 2 : 0;
  bool full = false;
  for (std::size_t i = 0; i < count; ++i) {
    const auto* set = std::get_if<set_peer>(&changes[i]);
    if (set != nullptr && !has(set->peer.public_key) && set->peer.public_key != ignored() &&
        peers.size() >= capacity_) {
      full = true;
      if (!like_userspace) break;
      continue;
    }
    make_change(peers, changes[i], ignored());
  }
  if (full) co_return fail(errc::full, "the device has all the peers it can hold");
  if (failing) co_return fail(errc::io, "the device refused");
  co_return result<>{};
}

std::chrono::microseconds fake_device::cost_of(const std::vector<device_change>& changes) const {
  std::chrono::microseconds all{0};
  for (const device_change& each : changes) {
    if (std::holds_alternative<strip_peer>(each)) all += strip_takes;
    if (std::holds_alternative<drop_peer>(each)) all += drop_takes;
  }
  return all;
}

void fake_device::vanish() {
  peers.clear();
  own_.reset();
  altered = configured_.has_value();
  gone_ = true;
  lost_.notify();
}

task<result<>> fake_device::dump(dump_taker& into) {
  ++dumps;
  if (dumping_) throw std::logic_error("two dumps at once");
  dumping_ = true;
  into.begin();
  while (dumps_held) co_await released_.wait();
  dumping_ = false;
  if (gone_) co_return fail(errc::unavailable, "the device is gone");
  if (altered) into.altered();
  for (const auto& [key, entry] : peers) into.take(entry);
  co_return result<>{};
}

result<> fake_link::create() {
  now.exists = now.wireguard = true;
  return {};
}

result<> fake_link::remove() {
  now = {};
  return {};
}

result<> fake_link::note_store(const std::string& epoch) {
  now.filled_from = epoch;
  return {};
}

result<> fake_link::bring_up(std::uint32_t) {
  now.marked = now.up = true;
  return {};
}

result<std::vector<link_refusal>> fake_link::conflicts(const link_plan& wanted) {
  std::vector<link_refusal> found;
  for (const auto* const some : {&wanted.routes, &wanted.unreachable}) {
    for (const prefix& each : *some) {
      const bool clashes =
          std::ranges::any_of(of_host, [&](const prefix& mine) { return mine.overlaps(each); });
      if (clashes) found.push_back({each, "the host has it"});
    }
  }
  return found;
}

result<std::vector<link_refusal>> fake_link::arrange(const link_plan& wanted) {
  if (refuse) return fail(errc::io, name_ + ": the kernel refused an address");
  ++arranged;
  link_plan next = wanted;
  std::vector<link_refusal> told;
  const auto is_refused = [&](const prefix& each) {
    if (std::ranges::find(refused, each) == refused.end()) return false;
    told.push_back({each, "the kernel refuses it"});
    return true;
  };
  std::erase_if(next.addresses,
                [&](const ip_address& each) { return is_refused(prefix::host(each)); });
  std::erase_if(next.routes, is_refused);
  if (!wanted.only) {
    next.addresses.insert(next.addresses.end(), plan.addresses.begin(), plan.addresses.end());
    next.routes.insert(next.routes.end(), plan.routes.begin(), plan.routes.end());
  }
  plan = std::move(next);
  return told;
}

}  // namespace peerage::fakes
