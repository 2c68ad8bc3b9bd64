// JSON from anybody. What is read can be written, on one line and for people, and reads as the
// same.
#include "json/json.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace peerage;
  const auto text = fuzz::text_of(data, size);
  const auto read = [](std::string_view from) { return json::parse(from); };
  fuzz::settles(text, read, json::serialize);
  fuzz::settles(text, read, json::pretty);
  return 0;
}
