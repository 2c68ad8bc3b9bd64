#include "http/proxies.h"

#include <algorithm>
#include <charconv>

namespace peerage::http {
namespace {

using asio::ip::address;

std::optional<address> parse_address(std::string_view text) {
  boost::system::error_code problem;
  const auto parsed = asio::ip::make_address(std::string(text), problem);
  if (problem) return {};
  return without_mapping(parsed);
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool is_port(std::string_view text) {
  std::uint16_t port = 0;
  const char* const last = text.data() + text.size();
  const auto [end, problem] = std::from_chars(text.data(), last, port);
  return problem == std::errc{} && end == last && !text.empty();
}

/// "192.0.2.7", "192.0.2.7:4711", "2001:db8::7", "[2001:db8::7]", "[2001:db8::7]:4711", and an
/// IPv6 address with a zone ("fe80::1%eth0"), which means nothing on another host.
std::optional<address> parse_entry(std::string_view text) {
  text = trimmed(text);
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return {};
    const auto rest = text.substr(end + 1);
    if (!rest.empty() && !(rest.front() == ':' && is_port(rest.substr(1)))) return {};
    text = text.substr(1, end - 1);
    if (text.find(':') == std::string_view::npos) return {};
  } else if (std::count(text.begin(), text.end(), ':') == 1) {
    const auto colon = text.find(':');
    if (!is_port(text.substr(colon + 1))) return {};
    text = text.substr(0, colon);
  }
  if (text.find(':') != std::string_view::npos) text = text.substr(0, text.find('%'));
  return parse_address(text);
}

}  // namespace

address without_mapping(address from) {
  if (!from.is_v6() || !from.to_v6().is_v4_mapped()) return from;
  return asio::ip::make_address_v4(asio::ip::v4_mapped, from.to_v6());
}

result<proxy_list> proxy_list::parse(const std::vector<std::string>& texts) {
  proxy_list made;
  for (const std::string& text : texts) {
    if (text == "unix:") {
      made.unix_ = true;
      continue;
    }
    const bool v6 = text.find(':') != std::string::npos;
    const bool one = text.find('/') == std::string::npos;
    boost::system::error_code problem;
    if (v6) {
      const auto range = asio::ip::make_network_v6(one ? text + "/128" : text, problem);
      if (!problem) made.v6_.push_back(range.canonical());
    } else {
      const auto range = asio::ip::make_network_v4(one ? text + "/32" : text, problem);
      if (!problem) made.v4_.push_back(range.canonical());
    }
    if (problem) return fail(errc::invalid, "\"" + text + "\" is no address and no range", text);
  }
  return made;
}

bool proxy_list::contains(const address& given) const {
  const address of = without_mapping(given);
  if (of.is_v4()) {
    return std::any_of(v4_.begin(), v4_.end(), [&](const asio::ip::network_v4& range) {
      return asio::ip::network_v4(of.to_v4(), range.prefix_length()).network() == range.network();
    });
  }
  return std::any_of(v6_.begin(), v6_.end(), [&](const asio::ip::network_v6& range) {
    return asio::ip::network_v6(of.to_v6(), range.prefix_length()).network() == range.network();
  });
}

std::optional<address> forwarded_client(const header_list& headers, const proxy_list& trusted) {
  std::optional<address> nearest;
  for (auto header = headers.rbegin(); header != headers.rend(); ++header) {
    if (!same_word(header->first, "X-Forwarded-For")) continue;
    std::string_view rest = header->second;
    for (bool more = true; more;) {
      const auto comma = rest.rfind(',');
      more = comma != std::string_view::npos;
      const auto entry = parse_entry(more ? rest.substr(comma + 1) : rest);
      // Who wrote an entry is the one to its right; beyond one that is no address nothing is known.
      if (!entry) return nearest;
      nearest = entry;
      if (!trusted.contains(*entry)) return nearest;
      if (more) rest = rest.substr(0, comma);
    }
  }
  return nearest;
}

}  // namespace peerage::http
