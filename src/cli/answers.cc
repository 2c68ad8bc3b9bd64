#include "cli/answers.h"

#include "json/fields.h"

namespace peerage::cli {

const json::value& member(const json::value& of, std::string_view name) {
  static const json::value nothing;
  const json::object* object = of.if_object();
  if (object == nullptr) return nothing;
  const json::value* found = object->if_contains({name.data(), name.size()});
  return found == nullptr ? nothing : *found;
}

std::string text_of(const json::value& of, std::string_view name) {
  const auto* text = member(of, name).if_string();
  return text == nullptr ? std::string() : std::string(text->data(), text->size());
}

std::vector<std::string> texts_of(const json::value& of, std::string_view name) {
  std::vector<std::string> texts;
  const json::array* list = member(of, name).if_array();
  if (list == nullptr) return texts;
  for (const json::value& item : *list) {
    if (const auto* text = item.if_string()) texts.emplace_back(text->data(), text->size());
  }
  return texts;
}

std::string joined(const json::value& of, std::string_view name) {
  std::string out;
  for (const std::string& text : texts_of(of, name)) out += (out.empty() ? "" : ", ") + text;
  return out;
}

std::optional<std::uint64_t> count_of(const json::value& of, std::string_view name) {
  const json::value& number = member(of, name);
  if (const auto* whole = number.if_uint64()) return *whole;
  const auto whole = json::whole_number(number);
  if (!whole || *whole < 0) return {};
  return static_cast<std::uint64_t>(*whole);
}

bool truth_of(const json::value& of, std::string_view name) {
  const bool* truth = member(of, name).if_bool();
  return truth != nullptr && *truth;
}

std::optional<wall_time> time_of(const json::value& of, std::string_view name) {
  return from_rfc3339(text_of(of, name));
}

std::vector<json::value> items_of(const json::value& of) {
  std::vector<json::value> items;
  const json::array* list = member(of, "items").if_array();
  if (list == nullptr) return items;
  for (const json::value& item : *list) {
    if (item.is_object()) items.push_back(item);
  }
  return items;
}

}  // namespace peerage::cli
