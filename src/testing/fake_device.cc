#include "testing/fake_device.h"

#include <algorithm>
#include <set>
#include <stdexcept>

namespace peerage::fakes {

task<result<>> fake_device::configure(secret_key, std::uint16_t) {
  altered = false;
  co_return result<>{};
}

task<result<>> fake_device::apply(std::vector<device_change> changes) {
  batches.push_back(changes.size());
  while (held) co_await released_.wait();
  if (time != nullptr) co_await time->wait_until(time->steady() + cost_of(changes));
  if (gone_) co_return fail(errc::unavailable, "the device is gone");
  const bool failing = fail_next > 0;
  if (failing) --fail_next;
  const std::size_t count = !failing ? changes.size() : half_apply ? changes.size() / 2 : 0;
  for (std::size_t i = 0; i < count; ++i) {
    const auto* set = std::get_if<set_peer>(&changes[i]);
    if (set != nullptr && !has(set->peer.public_key) && peers.size() >= capacity_) {
      co_return fail(errc::full, "the device has all the peers it can hold");
    }
    make(changes[i]);
  }
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

void fake_device::make(const device_change& change) {
  if (const auto* drop = std::get_if<drop_peer>(&change)) {
    peers.erase(drop->public_key);
    return;
  }
  if (const auto* strip = std::get_if<strip_peer>(&change)) {
    const auto known = peers.find(strip->public_key);
    if (known != peers.end()) known->second.peer.allowed_ips.clear();
    return;
  }
  const device_peer& wanted = std::get<set_peer>(change).peer;
  // As WireGuard does it: an allowed IP moves to whoever is given it last.
  const std::set<prefix> mine(wanted.allowed_ips.begin(), wanted.allowed_ips.end());
  for (auto& [key, other] : peers)
    std::erase_if(other.peer.allowed_ips, [&](const prefix& ip) { return mine.contains(ip); });
  device_entry& entry = peers[wanted.public_key];
  entry.peer = wanted;
  std::sort(entry.peer.allowed_ips.begin(), entry.peer.allowed_ips.end());
  entry.status.public_key = wanted.public_key;
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

result<> fake_link::bring_up(std::uint32_t) {
  now.marked = now.up = true;
  return {};
}

result<> fake_link::arrange(const link_plan& wanted) {
  if (refuse) return fail(errc::io, name_ + ": the kernel refused an address");
  ++arranged;
  link_plan next = wanted;
  if (!wanted.only) {
    next.addresses.insert(next.addresses.end(), plan.addresses.begin(), plan.addresses.end());
    next.routes.insert(next.routes.end(), plan.routes.begin(), plan.routes.end());
  }
  plan = std::move(next);
  return {};
}

}  // namespace peerage::fakes
