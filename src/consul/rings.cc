#include "consul/rings.h"

#include <algorithm>
#include <utility>

#include "json/json.h"

namespace peerage::consul {
namespace {

// What a reader 100 ms behind misses of 5,000 changes a second. One that finds too few here reads
// everything: with 128 that was thrice a second under load.
constexpr std::size_t most_changes = 512;
// A reader is some milliseconds behind, and every write of a ring pays for what is in it: beyond
// what such a reader needs, a few are kept for one that is cut off for a moment.
constexpr milliseconds always{100};
constexpr std::size_t most_old_changes = 32;
constexpr seconds longest{2};

bool too_much(const ring& in, wall_time now) {
  if (in.changes.empty()) return false;
  const auto age = now - in.changes.front().at;
  const std::size_t count = in.changes.size();
  return count > most_changes || age > longest || (count > most_old_changes && age > always);
}
constexpr std::size_t most_read = 1'000;  // changes of a ring that somebody else wrote

std::optional<std::uint64_t> number_in(const json::object& from, std::string_view name) {
  const json::value* found = from.if_contains(name);
  if (found == nullptr || !found->is_number()) return {};
  boost::system::error_code wrong;
  const auto number = found->to_number<std::uint64_t>(wrong);
  if (wrong) return {};
  return number;
}

std::optional<std::string> text_in(const json::object& from, std::string_view name) {
  const json::value* found = from.if_contains(name);
  if (found == nullptr || !found->is_string()) return {};
  return std::string(found->get_string());
}

json::object numbers(const std::map<std::string, std::uint64_t>& from) {
  json::object made;
  for (const auto& [name, number] : from) made[name] = number;
  return made;
}

bool read_numbers(const json::object& from, std::string_view name,
                  std::map<std::string, std::uint64_t>& into) {
  const json::value* found = from.if_contains(name);
  if (found == nullptr || !found->is_object()) return false;
  for (const auto& each : found->get_object()) {
    const auto number = number_in(found->get_object(), each.key());
    if (!number) return false;
    into.emplace(each.key(), *number);
  }
  return true;
}

}  // namespace

void append(ring& to, const std::set<std::string>& keys, wall_time now) {
  for (const std::string& key : keys) to.changes.push_back({key, now});
  to.sequence += keys.size();
  while (too_much(to, now)) to.changes.pop_front();
}

// Written as text: every creation waits for it.
std::string write_ring(const ring& from, std::string_view epoch, wall_time now) {
  std::string made = R"({"sequence":)" + std::to_string(from.sequence) + R"(,"epoch":)";
  json::append_text(made, epoch);
  made.append(R"(,"written_at":")").append(to_rfc3339(now)).append(R"(","changes":[)");
  for (const auto& each : from.changes) {
    if (&each != &from.changes.front()) made += ',';
    json::append_text(made, each.key);
  }
  return made += "]}";
}

std::optional<ring_text> read_ring(std::string_view text) {
  const auto parsed = json::parse(text);
  const auto* object = parsed ? parsed->if_object() : nullptr;
  if (object == nullptr) return {};
  const auto sequence = number_in(*object, "sequence");
  const auto epoch = text_in(*object, "epoch");
  const auto written_at = text_in(*object, "written_at");
  const auto when = written_at ? from_rfc3339(*written_at) : std::nullopt;
  const auto* changes = object->if_contains("changes");
  if (!sequence || !epoch || !when || !changes || !changes->is_array()) return {};
  const auto& list = changes->get_array();
  if (list.size() > most_read || list.size() > *sequence) return {};
  ring_text made{*sequence, {}, *epoch, *when};
  for (const auto& each : list) {
    if (!each.is_string()) return {};
    made.changes.emplace_back(each.get_string());
  }
  return made;
}

std::string write_place(const place_in_rings& from) {
  json::object made{{"epoch", from.epoch},
                    {"index", from.index},
                    {"known", numbers(from.known)},
                    {"garbage", numbers(from.garbage)}};
  return json::serialize(made);
}

std::optional<place_in_rings> read_place(std::string_view text) {
  const auto parsed = json::parse(text);
  const auto* object = parsed ? parsed->if_object() : nullptr;
  if (object == nullptr) return {};
  const auto epoch = text_in(*object, "epoch");
  const auto index = number_in(*object, "index");
  if (!epoch || !index) return {};
  place_in_rings made{*epoch, *index, {}, {}};
  if (!read_numbers(*object, "known", made.known)) return {};
  if (!read_numbers(*object, "garbage", made.garbage)) return {};
  return made;
}

ring_news news_in(const std::vector<entry>& entries, std::string_view folder, std::uint64_t index,
                  const place_in_rings& behind) {
  ring_news made;
  made.next.epoch = behind.epoch;
  made.next.index = index;
  for (const entry& each : entries) {
    const std::string api = each.key.substr(std::min(folder.size(), each.key.size()));
    if (api.empty() || api.front() == no_ring) continue;
    const auto now = read_ring(each.value);
    if (!now) {
      made.next.garbage[api] = each.index;
      const auto seen = behind.garbage.find(api);
      if (seen != behind.garbage.end() && seen->second == each.index) continue;
      made.garbage.push_back(each.key);
      made.gap = true;
      continue;
    }
    made.next.known[api] = now->sequence;
    made.other_epoch = made.other_epoch || now->epoch != behind.epoch;
    // What it told while it could not be read, nobody knows.
    made.gap = made.gap || behind.garbage.contains(api);
    const auto known = behind.known.find(api);
    const std::uint64_t before = known == behind.known.end() ? 0 : known->second;
    if (now->sequence < before) {
      made.gap = true;
      continue;
    }
    const std::uint64_t fresh = now->sequence - before;
    made.recorded += fresh;
    if (fresh > now->changes.size()) {
      made.gap = true;
      continue;
    }
    made.changes.insert(now->changes.end() - static_cast<std::ptrdiff_t>(fresh),
                        now->changes.end());
  }
  // One that was known and is gone may have told more before it went.
  for (const auto& [api, sequence] : behind.known) {
    if (!made.next.known.contains(api)) made.gap = true;
  }
  for (const auto& [api, at] : behind.garbage) {
    if (!made.next.known.contains(api) && !made.next.garbage.contains(api)) made.gap = true;
  }
  return made;
}

}  // namespace peerage::consul
