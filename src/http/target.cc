#include "http/target.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <stdexcept>

#include "http/message.h"

namespace peerage::http {
namespace {

std::optional<unsigned> hex_value(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  return std::nullopt;
}

/// How many bytes the UTF-8 sequence at the front has (RFC 3629); 0 when it is none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [text](std::size_t at) {
    return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U;
  };
  const auto first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t size = first < 0xc2   ? 0
                           : first < 0xe0 ? 2
                           : first < 0xf0 ? 3
                           : first < 0xf5 ? 4
                                          : 0;
  for (std::size_t at = 1; at < size; ++at) {
    if ((byte(at) & 0xc0U) != 0x80) return 0;
  }
  // Overlong forms, surrogates, and what lies beyond the last code point.
  if (first == 0xe0 && byte(1) < 0xa0) return 0;
  if (first == 0xed && byte(1) > 0x9f) return 0;
  if (first == 0xf0 && byte(1) < 0x90) return 0;
  if (first == 0xf4 && byte(1) > 0x8f) return 0;
  return size;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const auto size = utf8_length(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto end = text.find(at);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

bool visible(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
}

/// Takes "http://host" or "https://host" off the front; false when there is no host.
bool remove_authority(std::string_view& text) {
  const auto scheme_end = text.find("://");
  if (scheme_end == std::string_view::npos) return false;
  const auto scheme = text.substr(0, scheme_end);
  if (!same_word(scheme, "http") && !same_word(scheme, "https")) return false;
  text.remove_prefix(scheme_end + 3);
  const auto host_end = std::min(text.find_first_of("/?"), text.size());
  text.remove_prefix(host_end);
  return host_end > 0;
}

}  // namespace

result<target> split_target(std::string_view text) {
  if (!visible(text) || text.find('#') != std::string_view::npos) {
    return fail(errc::invalid, "the request target holds a character that must be percent-encoded");
  }
  if (!text.starts_with('/') && !remove_authority(text)) {
    return fail(errc::invalid, "the request target must be a path or an http URL");
  }
  const auto mark = text.find('?');
  target split{std::string(text.substr(0, mark)), {}};
  if (mark != std::string_view::npos) split.query = text.substr(mark + 1);
  if (split.path.empty()) split.path = "/";
  return split;
}

result<std::string> percent_decode(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      plain += text[at];
      continue;
    }
    const auto high = at + 2 < text.size() ? hex_value(text[at + 1]) : std::nullopt;
    const auto low = at + 2 < text.size() ? hex_value(text[at + 2]) : std::nullopt;
    if (!high || !low) return fail(errc::invalid, "a % is not followed by two hexadecimal digits");
    plain += static_cast<char>(*high * 16 + *low);
    at += 2;
  }
  if (plain.find('\0') != std::string::npos) return fail(errc::invalid, "a NUL is not allowed");
  if (!is_utf8(plain)) return fail(errc::invalid, "the percent-encoded text is not UTF-8");
  return plain;
}

std::string percent_encode(std::string_view text) {
  static constexpr std::string_view digits = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      encoded += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      encoded += {'%', digits[byte / 16], digits[byte % 16]};
    }
  }
  return encoded;
}

result<std::vector<std::string>> split_path(std::string_view path) {
  if (!path.starts_with('/')) return fail(errc::invalid, "the path must begin with a /");
  std::vector<std::string> segments;
  for (const auto part : split(path.substr(1), '/')) {
    auto plain = percent_decode(part);
    if (!plain) return std::unexpected(std::move(plain.error()));
    segments.push_back(std::move(*plain));
  }
  return segments;
}

result<query_parameters> parse_query(std::string_view query) {
  query_parameters found;
  std::set<std::string, std::less<>> names;
  for (const auto part : split(query, '&')) {
    if (part.empty()) continue;
    const auto equals = part.find('=');
    auto name = percent_decode(part.substr(0, equals));
    if (!name) return std::unexpected(std::move(name.error()));
    auto value = percent_decode(equals == std::string_view::npos ? std::string_view{}
                                                                 : part.substr(equals + 1));
    if (!value) return fail(errc::invalid, std::move(value.error().message), std::move(*name));
    if (!names.insert(*name).second) {
      return fail(errc::invalid, "the parameter is there twice", std::move(*name));
    }
    found.emplace_back(std::move(*name), std::move(*value));
  }
  return found;
}

struct route_table::search {
  std::string_view method;
  std::span<const std::string> segments;
  std::vector<std::string> captured;  // on the way to where the walk stands
  std::optional<route_found> found;
  std::set<std::string, std::less<>> allowed;
};

void route_table::add(std::string_view method, std::string_view pattern, std::size_t route) {
  if (!pattern.starts_with('/')) throw std::logic_error("a route's pattern begins with a /");
  node* at = &root_;
  for (const auto part : split(pattern.substr(1), '/')) {
    const bool capture = part.size() > 2 && part.starts_with('{') && part.ends_with('}');
    if (!capture && part.find_first_of("{}") != std::string_view::npos) {
      throw std::logic_error("a route's pattern has braces around whole segments only");
    }
    auto& next = capture ? at->capture : at->literals[std::string(part)];
    if (!next) next = std::make_unique<node>();
    at = next.get();
  }
  if (!at->methods.emplace(method, route).second) throw std::logic_error("two routes are the same");
}

void route_table::walk(const node& at, std::size_t depth, search& state) {
  if (depth == state.segments.size()) {
    for (const auto& [method, route] : at.methods) state.allowed.insert(method);
    auto hit = at.methods.find(state.method);
    if (hit == at.methods.end() && state.method == "HEAD") hit = at.methods.find("GET");
    if (hit != at.methods.end()) state.found = route_found{hit->second, state.captured};
    return;
  }
  const auto& segment = state.segments[depth];
  const auto literal = at.literals.find(segment);
  if (literal != at.literals.end()) walk(*literal->second, depth + 1, state);
  if (state.found || !at.capture || segment.empty()) return;
  state.captured.push_back(segment);
  walk(*at.capture, depth + 1, state);
  state.captured.pop_back();
}

result<route_match> route_table::find(std::string_view method, std::string_view path) const {
  auto segments = split_path(path);
  if (!segments) return std::unexpected(std::move(segments.error()));
  search state{method, *segments, {}, {}, {}};
  walk(root_, 0, state);
  if (state.found) return *std::move(state.found);
  if (state.allowed.empty()) return route_not_found{};
  if (state.allowed.contains("GET")) state.allowed.insert("HEAD");
  method_not_allowed refused;
  for (const auto& name : state.allowed) {
    if (!refused.allowed.empty()) refused.allowed += ", ";
    refused.allowed += name;
  }
  return refused;
}

}  // namespace peerage::http
