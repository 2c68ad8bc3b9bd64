// Reads the members of one JSON object, each by its rule, and remembers the first that breaks it.
// What is not asked for is unknown, and an error too: a misspelt option is never ignored.
//
//   fields in(object);
//   auto name = in.required<peer_name>("name", peer_name::parse);
//   auto ttl = in.whole("ttl_s", 1, 315'360'000);
//   if (auto good = in.finish(); !good) return …;
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "json/json.h"

namespace peerage::json {

/// At most so many bytes of it, cut between two characters: to name in an error what was sent.
std::string shortened(std::string_view text, std::size_t longest = 64);

/// The value where it is a whole number, however it is written: 3600, 3600.0, 3.6e3.
std::optional<std::int64_t> whole_number(const value& from);

enum class unknown_members { refused, allowed };

class fields {
 public:
  explicit fields(const object& from) : from_(from) {}

  /// Whether the member is there and null.
  bool null(std::string_view name);
  bool given(std::string_view name) const { return from_.if_contains(name) != nullptr; }

  /// Nothing where the member is absent, null or wrong.
  std::optional<std::string> text(std::string_view name);
  std::optional<std::int64_t> whole(std::string_view name, std::int64_t least, std::int64_t most);
  std::optional<bool> boolean(std::string_view name);
  std::optional<std::vector<std::string>> texts(std::string_view name, std::size_t most);

  /// Text that `parse` (string_view → result<T>) makes a T of.
  template <class T, class Parse>
  std::optional<T> parsed(std::string_view name, Parse parse) {
    const auto found = text(name);
    if (!found) return {};
    auto made = parse(*found);
    if (made) return *std::move(made);
    blame(name, made.error().message);
    return {};
  }

  template <class T, class Parse>
  std::optional<std::vector<T>> parsed_list(std::string_view name, std::size_t most, Parse parse) {
    const auto found = texts(name, most);
    if (!found) return {};
    std::vector<T> all;
    for (const std::string& each : *found) {
      auto made = parse(each);
      if (!made) {
        blame(name, "\"" + shortened(each) + "\" " + made.error().message);
        return {};
      }
      all.push_back(*std::move(made));
    }
    return all;
  }

  template <class T, class Parse>
  T required(std::string_view name, Parse parse) {
    auto made = parsed<T>(name, std::move(parse));
    if (!made) blame(name, "is missing");
    return made ? *std::move(made) : T{};
  }

  /// Only the first fault is kept.
  void blame(std::string_view name, std::string why);

  /// A member that is read by other means.
  void known(std::string_view name) { known_.emplace(name); }

  /// errc::invalid with the field, for the first fault or a member that nobody asked for.
  result<> finish(unknown_members others = unknown_members::refused);

 private:
  const value* find(std::string_view name);

  const object& from_;
  std::set<std::string, std::less<>> known_;
  std::optional<error> fault_;
};

}  // namespace peerage::json
