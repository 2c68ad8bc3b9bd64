// WireGuard's generic netlink protocol (linux/wireguard.h): changes of peers as WG_CMD_SET_DEVICE
// messages, and the messages of a WG_CMD_GET_DEVICE dump as entries. Pure; used by device.cc alone.
// Encoding can't fail; decoding answers errc::corrupt to anything that is not what it claims to be.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "model/device.h"
#include "netlink/wire.h"

namespace peerage::netlink {

/// The kernel's own limit of a device (MAX_PEERS_PER_DEVICE of drivers/net/wireguard/messages.h).
inline constexpr std::uint32_t max_peers = 1U << 20U;

/// The length field of the attribute that holds a message's peers has 16 bits: so much it takes
/// with its header, and the next multiple of four is too many.
inline constexpr std::size_t max_peers_attribute = 65'532;

/// The kernel waits for a grace period of RCU for each peer that it removes, up to 32 ms on some
/// kernels, while the caller and everyone who configures a network waits for the message.
inline constexpr std::size_t max_drops = 32;

/// Turns changes, in order, into as few messages as hold them: many peers a message. A peer is
/// split only where its allowed IPs fit in no message; the later parts add to the first.
class change_encoder {
 public:
  /// `family` is the number of the kernel's "wireguard" family; `changes` outlives the encoder.
  change_encoder(std::uint16_t family, std::string interface,
                 std::span<const device_change> changes);

  /// The next message; nothing when every change has been in one.
  std::optional<request> next();
  /// Whether the last message drops peers.
  bool drops() const { return drops_; }

 private:
  struct filling;
  bool put(const set_peer& change, filling& into);
  static bool put(const strip_peer& change, filling& into);
  static bool put(const drop_peer& change, filling& into);
  static bool put_bare(const public_key& key, std::uint32_t flags, filling& into);

  std::uint16_t family_;
  std::string interface_;
  std::span<const device_change> changes_;
  std::size_t next_ = 0;     // the first change that is not wholly in a message
  std::size_t next_ip_ = 0;  // of that one, the first allowed IP that is not
  bool drops_ = false;
};

/// The device's private key and UDP port; no peer is touched.
request encode_configure(std::uint16_t family, std::string_view interface,
                         const secret_key& private_key, std::uint16_t listen_port);

/// Asks for a dump of the device.
request encode_dump(std::uint16_t family, std::string_view interface);

/// What a dump says of the device itself.
struct device_self {
  std::optional<secret_key> private_key;  // absent: it has none
  std::uint16_t listen_port = 0;
};

/// Puts a dump together from its messages; a peer may span several.
class dump_decoder {
 public:
  /// A dump of more than `most` peers is corrupt.
  explicit dump_decoder(std::size_t most = max_peers) : most_(most) {}

  /// `payload` is what follows nlmsghdr. After an error the decoder is of no more use.
  result<> add(bytes_view payload);

  /// Of the first message; nothing before it.
  const std::optional<device_self>& self() const { return self_; }

  /// Those that are whole by now, their allowed IPs sorted: not the last one, which may go on.
  std::vector<device_entry> take_whole();
  /// All that are left, at the end.
  std::vector<device_entry> take();

 private:
  result<> add_peer(bytes_view from);

  std::optional<device_self> self_;
  std::size_t most_;
  std::vector<device_entry> entries_;
  std::size_t seen_ = 0;  // peers
};

}  // namespace peerage::netlink
