// Networks on the host: their addresses and routes on the interface, and the wall between them.
// What the host can't have of one network is that network's trouble alone.
#include <algorithm>
#include <utility>

#include "agent/agent.h"
#include "log/log.h"
#include "plan/address.h"

namespace peerage {
namespace {

constexpr std::size_t most_named = 3;
constexpr milliseconds comes_together{20};

/// Whether there were any.
template <class T>
bool add_missing(const std::vector<T>& from, std::vector<T>& to) {
  const std::size_t before = to.size();
  for (const T& each : from) {
    if (std::ranges::find(to, each) == to.end()) to.push_back(each);
  }
  return to.size() != before;
}

/// A network's part of the plan.
link_plan plan_of(const ledger::network_use& use, std::uint16_t number) {
  const prefix whole = prefix::of(use.ipv6, 48);
  link_plan plan;
  plan.addresses.push_back(gateway_ipv6(whole, number));
  plan.routes.push_back(gateway_prefix(whole, number));
  if (use.ipv4) plan.routes.push_back(*use.ipv4);
  plan.unreachable.push_back(whole);
  return plan;
}

/// The first that is about this network.
const link_refusal* refusal_of(const link_plan& network, const std::vector<link_refusal>& among) {
  const auto found = std::ranges::find_if(among, [&](const link_refusal& each) {
    const auto is_it = [&](const ip_address& own) { return prefix::host(own) == each.what; };
    return std::ranges::find(network.routes, each.what) != network.routes.end() ||
           std::ranges::find(network.unreachable, each.what) != network.unreachable.end() ||
           std::ranges::any_of(network.addresses, is_it);
  });
  return found == among.end() ? nullptr : &*found;
}

}  // namespace

/// A network's first peer here brings its address and routes. What is no longer needed is taken off
/// the interface where it has to be `exactly` so.
result<> agent::arrange_networks(bool exactly) {
  if (!exactly && arranged_at_ == book_.network_changes()) return {};
  const std::uint64_t at = book_.network_changes();
  const auto conflicts = with_.link.conflicts(networks_plan({}));
  if (!conflicts) return std::unexpected(conflicts.error());
  std::map<network_name, std::string> barred;
  bar(*conflicts, "has or needs itself a part of", barred);
  link_plan plan = networks_plan(barred);
  bool more = true;
  if (!exactly) {
    const link_plan wanted = std::exchange(plan, arranged_);
    plan.only = wanted.only;
    plan.only_marked = wanted.only_marked;
    more = add_missing(wanted.addresses, plan.addresses);
    more = add_missing(wanted.routes, plan.routes) || more;
    more = add_missing(wanted.unreachable, plan.unreachable) || more;
  }
  // The wall first: what it keeps apart is never reachable before, and a network that is barred is
  // outside, so that its peers do not reach what the host has at its addresses.
  if (auto apart = keep_apart(exactly, barred); !apart) return apart;
  // A network whose last peer left and that comes back meanwhile finds everything in its place.
  if (more || !arranged_at_) {
    const auto refused = with_.link.arrange(plan);
    if (!refused) return std::unexpected(refused.error());
    bar(*refused, "does not take", barred);
    if (!refused->empty()) {
      if (auto apart = keep_apart(false, barred); !apart) return apart;
      compare_now_.notify();
    }
  }
  say_barred(std::move(barred));
  arranged_ = std::move(plan);
  arranged_at_ = at;
  return {};
}

void agent::bar(const std::vector<link_refusal>& why, std::string_view words,
                std::map<network_name, std::string>& into) const {
  if (why.empty()) return;
  for (const auto& [name, use] : book_.networks()) {
    const link_refusal* found = refusal_of(plan_of(use, options_.self.number), why);
    if (found == nullptr) continue;
    // Tenants read it: what the host has is for its log.
    const bool fresh = !barred_.contains(name) && !into.contains(name);
    if (fresh) {
      log::error("a network can't be carried",
                 {{"network", name.text()}, {"part", found->what.text()}, {"why", found->why}});
    }
    const std::string because =
        found->no_ipv6 ? "has no IPv6" : std::string(words) + " " + found->what.text();
    into.try_emplace(name, "this gateway can't carry network " + name.text() + ": its host " +
                               because + "; its log says more");
  }
}

void agent::say_barred(std::map<network_name, std::string> now) {
  for (const auto& [name, why] : barred_) {
    if (!now.contains(name))
      log::info("a network can be carried again", {{"network", name.text()}});
  }
  if (barred_ != now) beat_now_.notify();
  barred_ = std::move(now);
}

const std::string* agent::why_barred(const network_name& name) const {
  const auto found = barred_.find(name);
  return found == barred_.end() ? nullptr : &found->second;
}

std::size_t agent::left_out() const {
  std::size_t count = book_.left_out();
  for (const auto& [name, why] : barred_) {
    const auto use = book_.networks().find(name);
    if (use != book_.networks().end()) count += use->second.peers;
  }
  return count;
}

void agent::add_barred(std::vector<std::string>& troubles) const {
  std::size_t named = 0;
  for (const auto& [name, why] : barred_) {
    if (++named <= most_named) troubles.push_back(why);
  }
  if (named > most_named) {
    troubles.push_back(std::to_string(named - most_named) + " more networks can't be carried");
  }
}

/// Looks closely where others may have changed it meanwhile.
result<> agent::keep_apart(bool closely, const std::map<network_name, std::string>& barred) {
  if (with_.wall == nullptr) return {};
  if (closely) {
    const auto stands = with_.wall->stands();
    if (!stands) return std::unexpected(stands.error());
    if (!*stands && settled_) {
      log::warning("somebody has changed the wall between networks; it is built again",
                   {{"interface", with_.link.name()}});
    }
  }
  wall_plan plan;
  for (const auto& [name, use] : book_.networks()) {
    if (barred.contains(name)) continue;
    const prefix whole = prefix::of(use.ipv6, 48);
    plan.tenants.push_back({whole, gateway_prefix(whole, options_.self.number),
                            gateway_ipv6(whole, options_.self.number), use.ipv4, use.routes});
  }
  return with_.wall->arrange(plan);
}

link_plan agent::networks_plan(const std::map<network_name, std::string>& barred) const {
  link_plan plan;
  // An earlier start may have arranged more than this one has heard of.
  plan.only = spoken_;
  plan.only_marked = with_.wall != nullptr;
  for (const auto& [name, use] : book_.networks()) {
    if (barred.contains(name)) continue;
    link_plan one = plan_of(use, options_.self.number);
    plan.addresses.insert(plan.addresses.end(), one.addresses.begin(), one.addresses.end());
    plan.routes.insert(plan.routes.end(), one.routes.begin(), one.routes.end());
    plan.unreachable.insert(plan.unreachable.end(), one.unreachable.begin(), one.unreachable.end());
  }
  return plan;
}

/// What somebody else does to the host's network is put right at once.
task<> agent::guard_loop() {
  if (with_.news == nullptr) co_return;
  for (;;) {
    co_await with_.news->changed();
    // What is done in one go is told in many pieces.
    co_await with_.time.wait_until(with_.time.steady() + comes_together);
    if (!ready_ || !arranged_at_) continue;  // the writer is about to
    const steady_time begun = with_.time.steady();
    look_at_link();
    if (!altered_) {
      if (const auto put_right = arrange_networks(true); !put_right) compare_now_.notify();
    }
    // It costs by the network, and others may change their tables all the time.
    co_await with_.time.wait_until(with_.time.steady() + 10 * (with_.time.steady() - begun));
  }
}

}  // namespace peerage
