// Netlink's bytes (linux/netlink.h): requests that are built attribute by attribute, and what the
// kernel sends, taken apart. Pure; owned by whoever holds them; only this room uses it. Building
// can't fail; reading ends early, and says so, at the first byte that is not what it claims to be.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

namespace peerage::netlink {

using bytes_view = std::span<const std::uint8_t>;

/// The bytes of a struct of the kernel's headers.
template <class T>
bytes_view bytes_of(const T& value) {
  static_assert(std::is_trivially_copyable_v<T> && !std::is_pointer_v<T>);
  return {reinterpret_cast<const std::uint8_t*>(&value), sizeof value};
}

/// A value in the machine's own order from the front of `from`, wherever it lies in memory;
/// nothing when that is too short.
template <class T>
std::optional<T> read(bytes_view from) {
  static_assert(std::is_trivially_copyable_v<T>);
  if (from.size() < sizeof(T)) return {};
  T value;
  std::memcpy(&value, from.data(), sizeof value);
  return value;
}

/// What an attribute with `payload` bytes takes: its header, and padding to four.
constexpr std::size_t attribute_size(std::size_t payload) {
  return (4 + payload + 3) / 4 * 4;
}

/// One message to the kernel: nlmsghdr, the protocol's own header, attributes. May hold keys, so
/// every copy of its bytes that it made is wiped.
class request {
 public:
  /// `flags` of linux/netlink.h; NLM_F_REQUEST is added.
  request(std::uint16_t type, std::uint16_t flags, bytes_view protocol_header);
  request(request&&) noexcept = default;
  request& operator=(request&& other) noexcept;
  request(const request&) = delete;
  ~request();

  void put(std::uint16_t type, bytes_view payload);
  template <class T>
  void put_value(std::uint16_t type, const T& value) {
    put(type, bytes_of(value));
  }
  /// With the zero at its end.
  void put_text(std::uint16_t type, std::string_view text);

  /// Attributes put between the two are inside. Nests close in reverse order and take at most
  /// 65,535 bytes, header included.
  std::size_t open_nest(std::uint16_t type);
  void close_nest(std::size_t opened);

  /// Numbers it, so that the answer can be told from others.
  void set_sequence(std::uint32_t sequence);
  void add_flags(std::uint16_t flags);

  /// Ready to be sent: nlmsghdr and all.
  bytes_view bytes() const { return bytes_; }

 private:
  void append(bytes_view more);

  std::vector<std::uint8_t> bytes_;
};

struct attribute {
  std::uint16_t type = 0;  // without NLA_F_NESTED and NLA_F_NET_BYTEORDER
  bytes_view payload;
};

/// Walks over attributes that lie one after another.
class attributes {
 public:
  explicit attributes(bytes_view from) : rest_(from) {}
  std::optional<attribute> next();
  /// False after next() came upon an attribute that is longer than what is left.
  bool sound() const { return sound_; }

 private:
  bytes_view rest_;
  bool sound_ = true;
};

struct message {
  std::uint16_t type = 0;
  std::uint16_t flags = 0;
  std::uint32_t sequence = 0;
  bytes_view payload;  // what follows nlmsghdr
};

/// Walks over the messages of one datagram.
class messages {
 public:
  explicit messages(bytes_view from) : rest_(from) {}
  std::optional<message> next();
  bool sound() const { return sound_; }

 private:
  bytes_view rest_;
  bool sound_ = true;
};

}  // namespace peerage::netlink
