#include "plan/registration.h"

#include <algorithm>
#include <charconv>

namespace peerage {
namespace {

/// The next word of the line, and the line without it.
std::string_view take_word(std::string_view& line) {
  const auto end = line.find(' ');
  const std::string_view word = line.substr(0, end);
  line = end == line.npos ? std::string_view() : line.substr(end + 1);
  return word;
}

std::optional<accepted_gateway> parse_line(std::string_view line) {
  const auto name = gateway_name::parse(take_word(line));
  const std::string_view digits = take_word(line);
  const auto region = region_name::parse(take_word(line));
  const auto key = public_key::parse(take_word(line));
  const auto endpoint = parse_endpoint(line);
  std::uint16_t number = 0;
  const char* const end = digits.data() + digits.size();
  const auto read = std::from_chars(digits.data(), end, number);
  if (!name || !region || !key || !endpoint || read.ec != std::errc() || read.ptr != end) return {};
  return accepted_gateway{*name, number, *region, *key, *endpoint};
}

std::string differs(const char* what, const std::string& says, const std::string& accepted) {
  return std::string(what) + " " + says + " (accepted: " + accepted + ")";
}

}  // namespace

std::vector<accepted_gateway> parse_accepted(std::string_view text) {
  std::vector<accepted_gateway> all;
  while (!text.empty()) {
    const auto end = text.find('\n');
    if (auto one = parse_line(text.substr(0, end))) all.push_back(*std::move(one));
    text = end == text.npos ? std::string_view() : text.substr(end + 1);
  }
  std::ranges::sort(all, {}, &accepted_gateway::name);
  return all;
}

std::string format_accepted(const std::vector<accepted_gateway>& all) {
  std::string text;
  for (const accepted_gateway& each : all) {
    text += each.name.text() + " " + std::to_string(each.number) + " " + each.region.text() + " " +
            each.public_key.text() + " " + each.endpoint + "\n";
  }
  return text;
}

accepted_gateway accepted_from(const gateway& from) {
  return {from.name, from.number, from.region, from.public_key, from.endpoint};
}

const accepted_gateway* find_accepted(std::span<const accepted_gateway> all,
                                      const gateway_name& name) {
  const auto found = std::ranges::lower_bound(all, name, {}, &accepted_gateway::name);
  return found != all.end() && found->name == name ? &*found : nullptr;
}

std::optional<gateway_name> clashes(std::span<const accepted_gateway> all,
                                    const accepted_gateway& with) {
  for (const accepted_gateway& each : all) {
    const bool alike = each.number == with.number || each.public_key == with.public_key;
    if (each.name != with.name && alike) return each.name;
  }
  return {};
}

vouched_gateway vouch(const gateway* registered, const accepted_gateway* known) {
  if (registered == nullptr) {
    gateway what;
    what.name = known->name;
    what.number = known->number;
    what.region = known->region;
    what.public_key = known->public_key;
    what.endpoint = known->endpoint;
    what.device = "kernel";  // nobody knows
    what.capacity = 1;
    what.draining = true;
    return {std::move(what), "its registration is gone or can't be read", false};
  }
  if (known == nullptr) {
    return {*registered, "its registration has the number or public key of another", false};
  }
  std::string doubt;
  const auto add = [&doubt](const std::string& text) {
    doubt += (doubt.empty() ? "" : ", ") + text;
  };
  vouched_gateway made{*registered};
  if (registered->number != known->number) {
    add(differs("number", std::to_string(registered->number), std::to_string(known->number)));
  }
  if (registered->region != known->region) {
    add(differs("region", registered->region.text(), known->region.text()));
  }
  if (registered->endpoint != known->endpoint) {
    add(differs("endpoint", registered->endpoint, known->endpoint));
  }
  if (registered->public_key != known->public_key) {
    add("a public key that a peer or another gateway has");
  }
  made.what.number = known->number;
  made.what.region = known->region;
  made.what.endpoint = known->endpoint;
  made.what.public_key = known->public_key;
  if (!doubt.empty()) {
    made.doubt = "it now says " + doubt + "; `peerage gateways accept " + known->name.text() +
                 "` accepts another region or endpoint";
  }
  return made;
}

}  // namespace peerage
