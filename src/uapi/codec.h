// WireGuard's configuration protocol (https://www.wireguard.com/xplatform/) as bytes: what is asked
// of a userspace WireGuard, and what it answers. Pure functions and one incremental reader; no
// socket. For this room alone. Reading fails with errc::corrupt on anything that is not an answer.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/error.h"
#include "base/secret.h"
#include "ports/device.h"

namespace peerage::uapi {

inline constexpr std::size_t max_line = 256;                    // bytes; the longest real one is 80
inline constexpr std::size_t max_answer = 64 * 1024 * 1024;     // bytes; 65,536 peers take 30 MB
inline constexpr std::size_t max_request = 1024 * 1024;         // bytes; many peers, a few seconds
inline constexpr std::string_view get_request = "get=1\n\n";    // everything the device has
inline constexpr std::string_view probe_request = "set=1\n\n";  // changes nothing, is acknowledged

/// How many of the first changes one request of `limit` bytes holds; at least one where there are
/// any, for a peer can't be divided.
std::size_t fitting(std::span<const device_change> changes, std::size_t limit = max_request);

/// One `set=1` of all the changes, in order. Never an endpoint, never replace_peers.
secret_text encode_changes(std::span<const device_change> changes);

/// The device's own values; peers are untouched. An absent one is left as it is.
secret_text encode_configure(const std::optional<secret_key>& private_key,
                             std::optional<std::uint16_t> listen_port);

/// What of `changes` still goes onto a device that has `present` and room for `capacity` peers:
/// without the drops of peers that are not there, and without the peers that no longer fit.
/// wireguard-go makes a peer before it removes it, and so refuses even a drop when it is full.
struct capacity_plan {
  std::vector<device_change> changes;
  std::size_t left_out = 0;  // peers that do not fit
};
capacity_plan fit_to_capacity(std::span<const device_change> changes,
                              std::unordered_set<public_key> present, std::size_t capacity);

/// What `get=1` answers.
struct device_answer {
  std::optional<secret_key> private_key;
  std::uint16_t listen_port = 0;
  std::vector<device_entry> peers;  // each with its allowed IPs sorted
};

enum class answer_kind { acknowledgement, device };

/// Reads one answer as it arrives, in pieces of any size.
class answer_reader {
 public:
  explicit answer_reader(answer_kind kind) : kind_(kind) {}
  answer_reader(const answer_reader&) = delete;
  answer_reader& operator=(const answer_reader&) = delete;
  ~answer_reader();

  /// True once the answer is whole. errc::corrupt for what is no answer, for bytes after its end,
  /// and beyond max_answer; the reader is of no more use then.
  result<bool> feed(std::string_view bytes);

  bool whole() const { return state_ == state::whole; }
  bool empty() const { return bytes_ == 0; }
  /// The errno of a whole answer: 0, or the positive number of an error.
  int error_number() const { return error_number_; }
  device_answer take() { return std::move(answer_); }

 private:
  enum class state { lines, blank_line, whole };

  result<> line(std::string_view text);
  result<> ending(std::string_view value);
  result<> member(std::string_view name, std::string_view value);
  bool device_member(std::string_view name, std::string_view value);
  bool peer_member(std::string_view name, std::string_view value);
  bool begin_peer(std::string_view value);
  bool end_peer();

  answer_kind kind_;
  state state_ = state::lines;
  std::size_t bytes_ = 0;
  std::array<char, max_line> partial_{};  // the start of a line whose end has not come yet
  std::size_t partial_size_ = 0;
  int error_number_ = 0;
  device_answer answer_;
  std::uint64_t handshake_seconds_ = 0;  // of the peer being read, since the epoch
  std::uint64_t handshake_nanoseconds_ = 0;
};

/// A whole `get=1` answer at once. errc::corrupt also when the end is missing; errc::io for an
/// errno other than 0.
result<device_answer> parse_answer(std::string_view bytes);

/// errc::io with the system's word for the number; nothing for 0. `what` begins the message:
/// "setting 3 peers on wg0".
result<> check_errno(int error_number, std::string_view what);

}  // namespace peerage::uapi
