#include "json/fields.h"

#include <cmath>

namespace peerage::json {
namespace {

std::string text_of(const value& from) {
  const auto& text = from.get_string();
  return {text.data(), text.size()};
}

}  // namespace

std::string shortened(std::string_view text, std::size_t longest) {
  if (text.size() <= longest) return std::string(text);
  std::size_t end = longest;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80) --end;
  return std::string(text.substr(0, end));
}

std::optional<std::int64_t> whole_number(const value& from) {
  // Beyond it a double is one of several whole numbers.
  constexpr double most_exact = 9'007'199'254'740'992;
  if (from.is_int64()) return from.get_int64();
  if (!from.is_double()) return {};
  const double number = from.get_double();
  if (!(std::abs(number) <= most_exact) || number != std::trunc(number)) return {};
  return static_cast<std::int64_t>(number);
}

const value* fields::find(std::string_view name) {
  known_.emplace(name);
  return from_.if_contains(name);
}

bool fields::null(std::string_view name) {
  const value* found = find(name);
  return found != nullptr && found->is_null();
}

std::optional<std::string> fields::text(std::string_view name) {
  const value* found = find(name);
  if (found == nullptr || found->is_null()) return {};
  if (found->is_string()) return text_of(*found);
  blame(name, "must be a string");
  return {};
}

std::optional<std::int64_t> fields::whole(std::string_view name, std::int64_t least,
                                          std::int64_t most) {
  const value* found = find(name);
  if (found == nullptr || found->is_null()) return {};
  const auto number = whole_number(*found);
  if (number && *number >= least && *number <= most) return number;
  blame(name,
        "must be a whole number from " + std::to_string(least) + " to " + std::to_string(most));
  return {};
}

std::optional<bool> fields::boolean(std::string_view name) {
  const value* found = find(name);
  if (found == nullptr || found->is_null()) return {};
  if (found->is_bool()) return found->get_bool();
  blame(name, "must be true or false");
  return {};
}

std::optional<std::vector<std::string>> fields::texts(std::string_view name, std::size_t most) {
  const value* found = find(name);
  if (found == nullptr || found->is_null()) return {};
  const std::string rule = "must be a list of at most " + std::to_string(most) + " strings";
  if (!found->is_array() || found->get_array().size() > most) {
    blame(name, rule);
    return {};
  }
  std::vector<std::string> all;
  for (const value& each : found->get_array()) {
    if (!each.is_string()) {
      blame(name, rule);
      return {};
    }
    all.push_back(text_of(each));
  }
  return all;
}

void fields::blame(std::string_view name, std::string why) {
  if (!fault_) fault_ = error{errc::invalid, std::move(why), std::string(name)};
}

result<> fields::finish(unknown_members others) {
  if (fault_) return std::unexpected(*fault_);
  if (others == unknown_members::allowed) return {};
  for (const auto& each : from_) {
    const std::string_view name(each.key().data(), each.key().size());
    if (!known_.contains(name)) {
      return fail(errc::invalid, "there is no such member", shortened(name));
    }
  }
  return {};
}

}  // namespace peerage::json
