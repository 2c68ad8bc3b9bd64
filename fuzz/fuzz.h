// What the fuzz targets share: the input as text or as choices, and the word for a property that
// must hold. Each target is one small file; tools/fuzz says how they are run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>

namespace peerage::fuzz {

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// libFuzzer takes the end of the process for a find, and keeps the input.
inline void hold(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

/// What is read can be written, and what was written reads as the same.
template <class Read, class Write>
void settles(std::string_view text, Read read, Write write) {
  const auto first = read(text);
  if (!first) return;
  const std::string once = write(*first);
  const auto second = read(once);
  hold(second.has_value(), "what was written can be read");
  hold(write(*second) == once, "what was written reads as the same");
}

/// The input as a row of decisions, one byte each; past its end the first of each is taken.
class choices {
 public:
  choices(const std::uint8_t* data, std::size_t size) : rest_(data, size) {}

  bool done() const { return rest_.empty(); }
  /// 0 to `count` - 1; `count` is at most 256.
  std::size_t of(std::size_t count) { return byte() % count; }
  std::uint8_t byte() {
    if (rest_.empty()) return 0;
    const std::uint8_t next = rest_.front();
    rest_ = rest_.subspan(1);
    return next;
  }

 private:
  std::span<const std::uint8_t> rest_;
};

}  // namespace peerage::fuzz

/// libFuzzer's entry point.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
