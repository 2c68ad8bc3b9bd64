#include "control/gateway_board.h"

#include <algorithm>
#include <utility>

namespace peerage {
namespace {

constexpr seconds beat_lasts{6};
constexpr std::size_t most_unregistered = 1'000;

}  // namespace

void gateway_board::replace(std::vector<vouched_gateway> all) {
  std::map<gateway_name, line> next;
  for (auto& each : all) {
    const auto known = lines_.find(each.what.name);
    line& mine = next[each.what.name];
    if (known != lines_.end()) mine = std::move(known->second);
    const gateway_name name = each.what.name;
    mine.known = std::move(each);
    const auto early = unregistered_.find(name);
    if (early != unregistered_.end()) {
      mine.last = early->second.first;
      mine.heard = early->second.second;
      unregistered_.erase(early);
    }
  }
  lines_ = std::move(next);
}

void gateway_board::remove(const gateway_name& name) {
  lines_.erase(name);
}

void gateway_board::hear(const heartbeat& beat, steady_time now) {
  const auto known = lines_.find(beat.name);
  if (known == lines_.end()) {
    // It registered a moment ago: kept until the store has been read again.
    if (unregistered_.size() < most_unregistered) unregistered_[beat.name] = {beat, now};
    return;
  }
  known->second.last = beat;
  known->second.heard = now;
  known->second.placed_since = 0;
}

void gateway_board::greet(const gateway_name& name, std::uint32_t peers, steady_time now) {
  const auto known = lines_.find(name);
  if (known == lines_.end() || known->second.last) return;
  known->second.last = heartbeat{name, known->second.known.what.region, peers, {}};
  known->second.heard = now;
}

void gateway_board::count_one(const gateway_name& name) {
  const auto known = lines_.find(name);
  if (known != lines_.end()) ++known->second.placed_since;
}

const gateway* gateway_board::find(const gateway_name& name) const {
  const auto known = lines_.find(name);
  return known == lines_.end() ? nullptr : &known->second.known.what;
}

bool gateway_board::has_key(const public_key& key) const {
  for (const auto& [name, mine] : lines_)
    if (mine.known.what.public_key == key) return true;
  return false;
}

bool gateway_board::live(const gateway_name& name, steady_time now, bool bus_connected) const {
  const auto known = lines_.find(name);
  if (known == lines_.end() || !known->second.known.usable) return false;
  return !bus_connected || heard(name, now);
}

bool gateway_board::heard(const gateway_name& name, steady_time now) const {
  const auto known = lines_.find(name);
  return known != lines_.end() && known->second.last && now < known->second.heard + beat_lasts;
}

std::uint32_t gateway_board::peers(const gateway_name& name) const {
  const auto known = lines_.find(name);
  return known != lines_.end() && known->second.last ? known->second.last->peers : 0;
}

std::string gateway_board::trouble(const gateway_name& name, steady_time now) const {
  const auto known = lines_.find(name);
  if (known == lines_.end()) return {};
  if (!known->second.known.doubt.empty()) return known->second.known.doubt;
  return heard(name, now) ? known->second.last->trouble : std::string();
}

std::vector<std::pair<gateway_name, bool>> gateway_board::changed(steady_time now,
                                                                  bool bus_connected) {
  std::vector<std::pair<gateway_name, bool>> all;
  // Without the bus nobody can tell.
  if (!bus_connected) return all;
  for (auto& [name, mine] : lines_) {
    const bool is_live = live(name, now, bus_connected);
    if (std::exchange(mine.said_live, is_live) != is_live) all.emplace_back(name, is_live);
  }
  return all;
}

std::optional<wall_time> gateway_board::newest_registration() const {
  std::optional<wall_time> newest;
  for (const auto& [name, mine] : lines_) {
    newest =
        std::max(newest.value_or(mine.known.what.registered_at), mine.known.what.registered_at);
  }
  return newest;
}

std::uint32_t gateway_board::left_out(const gateway_name& name) const {
  const auto known = lines_.find(name);
  return known != lines_.end() && known->second.last ? known->second.last->left_out : 0;
}

std::vector<gateway_view> gateway_board::views(steady_time now, bool bus_connected) const {
  std::vector<gateway_view> all;
  all.reserve(lines_.size());
  for (const auto& [name, mine] : lines_) {
    const std::uint32_t load = peers(name) + mine.placed_since;
    all.push_back({&mine.known.what, live(name, now, bus_connected), load});
  }
  return all;
}

}  // namespace peerage
