// Bytes and text that must not leak: they do not print, do not compare in variable time, and are
// overwritten when they go. `reveal()` is the only way in; search for it to find every use.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace peerage {

/// Overwrites memory in a way that the compiler may not leave out.
void wipe(void* memory, std::size_t size) noexcept;

/// True when both are the same, in a time that depends on the lengths alone.
bool equal_in_constant_time(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b);

template <std::size_t Size>
class secret_bytes {
 public:
  secret_bytes() = default;
  explicit secret_bytes(std::span<const std::uint8_t, Size> from) {
    std::copy(from.begin(), from.end(), bytes_.begin());
  }
  secret_bytes(const secret_bytes&) = default;
  secret_bytes& operator=(const secret_bytes&) = default;
  ~secret_bytes() { wipe(bytes_.data(), Size); }

  std::span<const std::uint8_t, Size> reveal() const { return bytes_; }
  std::span<std::uint8_t, Size> reveal() { return bytes_; }

  friend bool operator==(const secret_bytes& a, const secret_bytes& b) {
    return equal_in_constant_time(a.bytes_, b.bytes_);
  }

 private:
  std::array<std::uint8_t, Size> bytes_{};
};

class secret_text {
 public:
  secret_text() = default;
  explicit secret_text(std::string text) : text_(std::move(text)) {}
  secret_text(const secret_text&) = default;
  secret_text& operator=(const secret_text& other) {
    if (this != &other) {
      wipe(text_.data(), text_.size());
      text_ = other.text_;
    }
    return *this;
  }
  ~secret_text() { wipe(text_.data(), text_.size()); }

  std::string_view reveal() const { return text_; }
  bool empty() const { return text_.empty(); }

 private:
  std::string text_;
};

}  // namespace peerage
