#include "plan/leavings.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace peerage {
namespace {

constexpr std::size_t most = 1'000;
constexpr std::size_t fields = 7;

std::vector<std::string_view> split(std::string_view text, char by) {
  std::vector<std::string_view> all;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(by, begin), text.size());
    all.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return all;
}

std::optional<leaving> parse_line(std::string_view line) {
  const auto parts = split(line, ' ');
  if (parts.size() != fields) return {};
  const auto network = network_name::parse(parts[0]);
  const auto name = peer_name::parse(parts[1]);
  const auto gateway = gateway_name::parse(parts[2]);
  const auto key = public_key::parse(parts[3]);
  const auto token = token_id::parse(parts[4]);
  std::uint64_t number = 0;
  const char* last = parts[6].data() + parts[6].size();
  const auto [end, failure] = std::from_chars(parts[6].data(), last, number);
  const bool counts = failure == std::errc{} && end == last;
  if (!network || !name || !gateway || !key || !token || !counts) return {};
  return leaving{{*network, *name},       *gateway,        *key, *token,
                 {std::string(parts[5])}, revision{number}};
}

}  // namespace

std::vector<leaving> parse_leavings(std::string_view text) {
  std::vector<leaving> all;
  for (const std::string_view line : split(text, '\n')) {
    if (auto one = parse_line(line); one && all.size() < most) all.push_back(*std::move(one));
  }
  return all;
}

std::string format_leavings(const std::vector<leaving>& all) {
  std::string text;
  for (const leaving& each : all) {
    text += each.who.network.text() + " " + each.who.name.text() + " " + each.gateway.text() + " " +
            each.public_key.text() + " " + each.created_by.text() + " " + each.of.id + " " +
            std::to_string(each.at.number) + "\n";
  }
  return text;
}

void change_leavings(std::vector<leaving>& all, const std::vector<leaving>& add,
                     const std::vector<leaving>& erase) {
  std::erase_if(all, [&](const leaving& each) {
    return std::ranges::find(erase, each) != erase.end() ||
           std::ranges::find(add, each) != add.end();
  });
  all.insert(all.end(), add.begin(), add.end());
  if (all.size() > most) {
    all.erase(all.begin(), all.end() - static_cast<std::ptrdiff_t>(most));
  }
}

}  // namespace peerage
