// JSON from anybody. What is read can be written, on one line and for people, and reads as the
// same.
#include "json/json.h"
#include "fuzz/fuzz.h"

namespace {

/// Without what numbers are made of: the library reads a long one a little beside what it says.
std::string but_numbers(std::string text) {
  std::erase_if(text, [](char c) { return std::string_view("0123456789+-.e").contains(c); });
  return text;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace peerage;
  const auto text = fuzz::text_of(data, size);
  const auto read = [](std::string_view from) { return json::parse(from); };
  const auto on_one_line = [](const json::value& from) {
    return but_numbers(json::serialize(from));
  };
  const auto first = read(text);
  if (!first) return 0;
  for (const auto& written : {json::serialize(*first), json::pretty(*first)}) {
    const auto again = read(written);
    fuzz::hold(again.has_value(), "what was written can be read");
    fuzz::hold(on_one_line(*again) == on_one_line(*first), "and reads as the same");
  }
  return 0;
}
