#include "json/json.h"

#include <algorithm>
#include <array>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_stack.hpp>
#include <charconv>
#include <cmath>
#include <concepts>
#include <optional>
#include <unordered_set>
#include <utility>
#include <vector>

namespace peerage::json {
namespace {

using code = boost::json::error_code;

/// Sizes, and what no value is made of.
struct handler {
  static constexpr std::size_t max_object_size = boost::json::object::max_size();
  static constexpr std::size_t max_array_size = boost::json::array::max_size();
  static constexpr std::size_t max_key_size = boost::json::string::max_size();
  static constexpr std::size_t max_string_size = boost::json::string::max_size();

  bool on_document_begin(code&) { return true; }
  bool on_document_end(code&) { return true; }
  bool on_array_begin(code&) { return true; }
  bool on_number_part(boost::json::string_view, code&) { return true; }
  bool on_comment_part(boost::json::string_view, code&) { return true; }
  bool on_comment(boost::json::string_view, code&) { return true; }
};

/// Makes the value, as Boost's own parser does, and counts the members that the text has.
struct reader : handler {
  std::array<unsigned char, 2'048> room;
  boost::json::value_stack made{{}, room.data(), room.size()};
  std::size_t members = 0;

  // All of a text's value lies in a few pieces, and is freed in one go.
  reader() { made.reset(boost::json::make_shared_resource<boost::json::monotonic_resource>()); }
  bool on_object_begin(code&) { return true; }
  bool on_object_end(std::size_t n, code&) {
    members += n;
    made.push_object(n);
    return true;
  }
  bool on_array_end(std::size_t n, code&) {
    made.push_array(n);
    return true;
  }
  bool on_key_part(boost::json::string_view part, std::size_t, code&) {
    made.push_chars(part);
    return true;
  }
  bool on_key(boost::json::string_view part, std::size_t, code&) {
    made.push_key(part);
    return true;
  }
  bool on_string_part(boost::json::string_view part, std::size_t, code&) {
    made.push_chars(part);
    return true;
  }
  bool on_string(boost::json::string_view part, std::size_t, code&) {
    made.push_string(part);
    return true;
  }
  bool on_int64(std::int64_t number, boost::json::string_view, code&) {
    made.push_int64(number);
    return true;
  }
  bool on_uint64(std::uint64_t number, boost::json::string_view, code&) {
    made.push_uint64(number);
    return true;
  }
  bool on_double(double number, boost::json::string_view, code&) {
    made.push_double(number);
    return true;
  }
  bool on_bool(bool truth, code&) {
    made.push_bool(truth);
    return true;
  }
  bool on_null(code&) {
    made.push_null();
    return true;
  }
};

/// The name of a member that one of the text's objects has twice.
struct duplicate_finder : handler {
  std::vector<std::unordered_set<std::string>> open;
  std::string name;
  std::string found;

  bool on_object_begin(code&) {
    open.emplace_back();
    return true;
  }
  bool on_object_end(std::size_t, code&) {
    open.pop_back();
    return true;
  }
  bool on_array_end(std::size_t, code&) { return true; }
  bool on_key_part(boost::json::string_view part, std::size_t, code&) {
    name.append(part.data(), part.size());
    return true;
  }
  bool on_key(boost::json::string_view part, std::size_t, code& failure) {
    name.append(part.data(), part.size());
    if (!open.back().insert(name).second) {
      found = name;
      failure = boost::json::error::syntax;
      return false;
    }
    name.clear();
    return true;
  }
  bool on_string_part(boost::json::string_view, std::size_t, code&) { return true; }
  bool on_string(boost::json::string_view, std::size_t, code&) { return true; }
  bool on_int64(std::int64_t, boost::json::string_view, code&) { return true; }
  bool on_uint64(std::uint64_t, boost::json::string_view, code&) { return true; }
  bool on_double(double, boost::json::string_view, code&) { return true; }
  bool on_bool(bool, code&) { return true; }
  bool on_null(code&) { return true; }
};

std::size_t members_of(const value& from) {
  std::size_t all = 0;
  if (const object* members = from.if_object()) {
    all = members->size();
    for (const auto& each : *members) all += members_of(each.value());
  } else if (const array* values = from.if_array()) {
    for (const value& each : *values) all += members_of(each);
  }
  return all;
}

/// The shortest text that reads back as the same number: 0.754, where the library says 7.54E-1.
void print_number(double from, std::string& out) {
  // The library reads 0e999 as no number at all, and 1e400 as infinity, which has no text in JSON
  // but one like that.
  if (std::isnan(from)) {
    out += '0';
    return;
  }
  if (std::isinf(from)) {
    out += from < 0 ? "-1e999" : "1e999";
    return;
  }
  char text[32];
  // "-0" reads back as a whole number, which has no sign then; adding makes 0 of it.
  out.append(text, std::to_chars(text, text + sizeof text, from + 0.0).ptr);
}

template <std::integral T>
void print_number(T from, std::string& out) {
  char text[24];
  out.append(text, std::to_chars(text, text + sizeof text, from).ptr);
}

/// `indent`: how far in the value stands; nothing for all on one line.
void print(const value& from, std::string& out, std::optional<std::size_t> indent);

void new_line(std::string& out, std::optional<std::size_t> indent) {
  if (!indent) return;
  out += '\n';
  out.append(*indent, ' ');
}

constexpr auto is_plain = [] {
  std::array<bool, 256> table{};
  for (std::size_t c = 0x20; c < table.size(); ++c) table[c] = c != 0x7f && c != '"' && c != '\\';
  return table;
}();

/// What needs an escape is left to the library.
void print_text(boost::json::string_view from, std::string& out) {
  const bool plain = std::all_of(from.begin(), from.end(),
                                 [](char c) { return is_plain[static_cast<unsigned char>(c)]; });
  if (!plain) {
    out += boost::json::serialize(from);
    return;
  }
  out += '"';
  out.append(from.data(), from.size());
  out += '"';
}

void print_object(const object& from, std::string& out, std::optional<std::size_t> indent) {
  const auto inner = indent ? std::optional(*indent + 2) : std::nullopt;
  out += '{';
  bool first = true;
  for (const auto& each : from) {
    if (!std::exchange(first, false)) out += ',';
    new_line(out, inner);
    print_text(each.key(), out);
    out += indent ? ": " : ":";
    print(each.value(), out, inner);
  }
  if (!first) new_line(out, indent);
  out += '}';
}

void print_array(const array& from, std::string& out, std::optional<std::size_t> indent) {
  const auto inner = indent ? std::optional(*indent + 2) : std::nullopt;
  out += '[';
  bool first = true;
  for (const value& each : from) {
    if (!std::exchange(first, false)) out += ',';
    new_line(out, inner);
    print(each, out, inner);
  }
  if (!first) new_line(out, indent);
  out += ']';
}

void print(const value& from, std::string& out, std::optional<std::size_t> indent) {
  if (from.is_object()) {
    print_object(from.get_object(), out, indent);
  } else if (from.is_array()) {
    print_array(from.get_array(), out, indent);
  } else if (from.is_double()) {
    print_number(from.get_double(), out);
  } else if (from.is_string()) {
    print_text(from.get_string(), out);
  } else if (from.is_int64()) {
    print_number(from.get_int64(), out);
  } else if (from.is_uint64()) {
    print_number(from.get_uint64(), out);
  } else {
    out += boost::json::serialize(from);
  }
}

}  // namespace

result<value> parse(std::string_view text, std::size_t max_depth) {
  boost::json::parse_options options;
  options.max_depth = max_depth;
  code failure;
  boost::json::basic_parser<reader> parser(options);
  const std::size_t used = parser.write_some(false, text.data(), text.size(), failure);
  if (!failure && used < text.size()) failure = boost::json::error::extra_data;
  if (failure) return fail(errc::invalid, "is not JSON: " + failure.message());
  value parsed = parser.handler().made.release();
  // Of two members with one name the library keeps the last.
  if (members_of(parsed) == parser.handler().members) return parsed;
  boost::json::basic_parser<duplicate_finder> finder(options);
  finder.write_some(false, text.data(), text.size(), failure);
  return fail(errc::invalid, "has two members of one name", finder.handler().found);
}

std::string serialize(const value& from) {
  std::string out;
  print(from, out, {});
  return out;
}

void append_text(std::string& to, std::string_view text) {
  print_text({text.data(), text.size()}, to);
}

std::string pretty(const value& from) {
  std::string out;
  print(from, out, 0);
  return out;
}

}  // namespace peerage::json
