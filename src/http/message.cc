#include "http/message.h"

#include <algorithm>

namespace peerage::http {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

bool same_word(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view find_header(const header_list& headers, std::string_view name) {
  const auto at = std::ranges::find_if(
      headers, [name](const auto& header) { return same_word(header.first, name); });
  return at == headers.end() ? std::string_view{} : std::string_view{at->second};
}

void response::set_header(std::string_view name, std::string value) {
  std::erase_if(headers, [name](const auto& header) { return same_word(header.first, name); });
  headers.emplace_back(name, std::move(value));
}

}  // namespace peerage::http
