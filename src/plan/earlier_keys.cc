#include "plan/earlier_keys.h"

#include <algorithm>
#include <charconv>

namespace peerage {
namespace {

constexpr std::size_t most = 16;
constexpr std::size_t fields = 6;
constexpr std::string_view folder = "earlier-keys/";

std::vector<std::string_view> split(std::string_view text, char by) {
  std::vector<std::string_view> all;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(by, begin), text.size());
    all.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return all;
}

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc{} || end != text.data() + text.size()) return {};
  return number;
}

std::optional<earlier_key> parse_line(std::string_view line, revision written_at) {
  const auto parts = split(line, ' ');
  if (parts.size() != fields) return {};
  const auto gateway = gateway_name::parse(parts[0]);
  const auto key = public_key::parse(parts[1]);
  const auto token = token_id::parse(parts[2]);
  const auto made = parse_number<std::int64_t>(parts[3]);
  const auto at = parse_number<std::uint64_t>(parts[5]);
  if (!gateway || !key || !token || !made || !at) return {};
  const revision taken_at = *at == 0 ? written_at : revision{*at};
  return earlier_key{
      *gateway, *key, *token, wall_time{milliseconds{*made}}, {std::string(parts[4])}, taken_at};
}

std::string format(const std::vector<earlier_key>& all) {
  std::string text;
  for (const earlier_key& each : all) {
    text += each.gateway.text() + " " + each.public_key.text() + " " + each.created_by.text() +
            " " + std::to_string(each.created_at.time_since_epoch().count()) + " " + each.of.id +
            " " + std::to_string(each.at.number) + "\n";
  }
  return text;
}

}  // namespace

std::vector<earlier_key> earlier_keys::of(const peer& now) const {
  std::vector<earlier_key> mine;
  for (const earlier_key& each : all)
    if (each.created_at == now.created_at) mine.push_back(each);
  return mine;
}

std::string_view all_earlier_keys() {
  return folder;
}

std::string earlier_keys_under(const network_name& network) {
  return std::string(folder) + network.text() + "/";
}

mark_name earlier_keys_mark(const peer_id& id) {
  return {earlier_keys_under(id.network) + id.name.text()};
}

std::optional<peer_id> whose_earlier_keys(std::string_view mark) {
  if (!mark.starts_with(folder)) return {};
  const auto parts = split(mark.substr(folder.size()), '/');
  if (parts.size() != 2) return {};
  const auto network = network_name::parse(parts[0]);
  const auto name = peer_name::parse(parts[1]);
  if (!network || !name) return {};
  return peer_id{*network, *name};
}

earlier_keys read_earlier_keys(const stored<mark>& from) {
  earlier_keys made{{}, from.revision};
  for (const std::string_view line : split(from.value.value, '\n')) {
    auto one = parse_line(line, from.revision);
    if (one && made.all.size() < most) made.all.push_back(*std::move(one));
  }
  return made;
}

std::optional<write> write_earlier_keys(const peer_id& id, const earlier_keys& now,
                                        const std::vector<earlier_key>& next) {
  if (next == now.all) return {};
  mark_name name = earlier_keys_mark(id);
  if (next.empty()) return removal{std::move(name), now.expected};
  return put{mark{std::move(name.text), format(next)}, now.expected};
}

result<std::vector<earlier_key>> with_earlier_key(const earlier_keys& now, const peer& old,
                                                  const std::optional<peer>& next, epoch of) {
  std::vector<earlier_key> all = now.all;
  const auto is = [](const peer& what) {
    return [&what](const earlier_key& each) {
      return each.gateway == what.gateway && each.public_key == what.public_key;
    };
  };
  if (next) std::erase_if(all, is(*next));
  if (next && next->gateway == old.gateway && next->public_key == old.public_key) return all;
  std::erase_if(all, is(old));
  // Where a peer of that name before it had the same key is this one's affair once its key goes.
  const bool key_goes = !next || next->public_key != old.public_key;
  for (earlier_key& each : all) {
    if (!key_goes || each.public_key != old.public_key) continue;
    each.created_by = old.created_by;
    each.created_at = old.created_at;
  }
  all.push_back({old.gateway, old.public_key, old.created_by, old.created_at, std::move(of), {}});
  if (all.size() <= most) return all;
  const auto oldest = std::ranges::find_if(
      all, [&](const earlier_key& each) { return !next || each.created_at != old.created_at; });
  if (oldest == all.end()) {
    return fail(errc::unavailable, "gateway " + all.front().gateway.text() +
                                       " has not confirmed yet that earlier keys of this peer are"
                                       " off its device, and there are too many of them");
  }
  all.erase(oldest);
  return all;
}

earlier_keys as_stored(std::vector<earlier_key> written, revision at) {
  earlier_keys made{std::move(written), at};
  for (earlier_key& each : made.all)
    if (each.at == revision{}) each.at = at;
  return made;
}

}  // namespace peerage
