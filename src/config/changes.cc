#include <algorithm>
#include <iterator>
#include <map>

#include "config/config.h"
#include "config/toml.h"

namespace peerage {
namespace {

struct describe {
  std::string operator()(const std::string& text) const { return "text " + text; }
  std::string operator()(std::int64_t number) const { return "number " + std::to_string(number); }
  std::string operator()(double number) const { return "real " + std::to_string(number); }
  std::string operator()(bool truth) const { return truth ? "true" : "false"; }
  std::string operator()(const toml_moment&) const { return "moment"; }
  std::string operator()(const toml_array& list) const {
    std::string out = "list";
    for (const toml_value& each : list) {
      const std::string text = std::visit(*this, each.data);
      out += " " + std::to_string(text.size()) + ":" + text;
    }
    return out;
  }
  std::string operator()(const toml_table&) const { return "section"; }
};

using flat = std::map<std::string, std::string>;

void flatten(const toml_table& from, const std::string& above, flat& into) {
  for (const toml_member& each : from) {
    const std::string name = above + each.key;
    into[name] = std::visit(describe{}, each.value.data);
    if (const auto* inner = each.value.if_table()) flatten(*inner, name + ".", into);
  }
}

/// The roles that a config without a text has.
constexpr std::string_view default_text = "[api]\n[gateway]\n";

flat keys_of(std::string_view text) {
  flat made;
  if (const auto file = parse_toml(text.empty() ? default_text : text, "")) {
    flatten(*file, "", made);
  }
  // An empty one says nothing; an empty [api] or [gateway] is a role.
  for (const char* each : {"store", "bus"}) made.erase(each);
  return made;
}

}  // namespace

std::vector<std::string> changed_keys(std::string_view before, std::string_view after) {
  const flat old = keys_of(before), now = keys_of(after);
  std::vector<std::pair<std::string, std::string>> differ;
  std::set_symmetric_difference(old.begin(), old.end(), now.begin(), now.end(),
                                std::back_inserter(differ));
  std::vector<std::string> names;
  for (const auto& [name, value] : differ) {
    if (names.empty() || names.back() != name) names.push_back(name);
  }
  return names;
}

}  // namespace peerage
