#include "natsbus/seal.h"

#include <algorithm>
#include <charconv>

#include "base/base64.h"
#include "model/name.h"

namespace peerage::nats {
namespace {

constexpr std::size_t most_request = 64;
constexpr std::int64_t last_time = 253'402'300'799'999;  // the year 9999 ends

std::string_view name_of(sealed_as what) {
  switch (what) {
    case sealed_as::request: return "request";
    case sealed_as::reply: return "reply";
    case sealed_as::heartbeat: return "heartbeat";
  }
  return {};
}

std::string text_of(wall_time at) {
  return std::to_string(at.time_since_epoch().count());
}

/// Cuts the next word off; "" at the end.
std::string_view take_word(std::string_view& from, char separator) {
  const auto end = std::min(from.find(separator), from.size());
  const std::string_view word = from.substr(0, end);
  from.remove_prefix(std::min(end + 1, from.size()));
  return word;
}

bool is_request(std::string_view text) {
  return !text.empty() && text.size() <= most_request && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

std::optional<wall_time> time_in(std::string_view text) {
  std::int64_t count = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (failure != std::errc{} || end != text.data() + text.size()) return {};
  if (count < 0 || count > last_time) return {};
  return wall_time(milliseconds(count));
}

}  // namespace

authenticator::tag tag_of(const authenticator& with, const envelope& about, std::string_view body) {
  // None of these has a newline: labels, ids, digits, and a subject of the three.
  return with.of({"peerage.v1 ", name_of(about.what), "\n", about.subject, "\n", about.signer, "\n",
                  about.to, "\n", about.request, "\n", text_of(about.at), "\n", body});
}

const authenticator::tag* seal::tag_for(std::string_view whom) const {
  const auto found = std::ranges::find(tags, whom, [](const auto& each) { return each.first; });
  return found == tags.end() ? nullptr : &found->second;
}

std::string write_seal(const seal& from) {
  std::string made = "1 " + from.signer + " " + from.request + " " + text_of(from.at);
  char separator = ' ';
  for (const auto& [to, tag] : from.tags) {
    made += separator;
    made += to;
    made += '=';
    made += hex_encode(tag);
    separator = ',';
  }
  return made;
}

std::optional<seal> read_seal(std::string_view text) {
  if (text.size() > most_seal || take_word(text, ' ') != "1") return {};
  seal made;
  made.signer = take_word(text, ' ');
  made.request = take_word(text, ' ');
  const auto at = time_in(take_word(text, ' '));
  if (!is_label(made.signer) || !is_request(made.request) || !at) return {};
  if (text.empty() || text.ends_with(',')) return {};
  made.at = *at;
  while (!text.empty()) {
    std::string_view one = take_word(text, ',');
    auto& [to, tag] = made.tags.emplace_back();
    to = take_word(one, '=');
    if (!is_label(to) || !hex_decode(one, tag)) return {};
  }
  return made;
}

}  // namespace peerage::nats
