// A netlink socket: one request, one answer. The kernel answers while the request is being sent, so
// these calls block for as long as the kernel works and no longer; a second without an answer is
// an error. Owned by a device or a link, used from the loop's thread. Fails with errc::io,
// errc::denied, and errc::timeout; what the kernel itself says of a request is a verdict.
// The one file that names libmnl is socket.cc.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "netlink/answer.h"
#include "netlink/wire.h"

struct mnl_socket;

namespace peerage::netlink {

class kernel_socket {
 public:
  /// `protocol` as NETLINK_GENERIC or NETLINK_ROUTE, `groups` a mask of what to be told of. The
  /// socket belongs to the network namespace it was opened in.
  static result<kernel_socket> open(int protocol, unsigned groups = 0);

  kernel_socket(kernel_socket&&) noexcept = default;
  kernel_socket& operator=(kernel_socket&&) = delete;
  ~kernel_socket();

  /// Sends a request and reads up to its acknowledgement; what comes before that goes to `take`.
  result<verdict> ask(request& message, const message_taker& take = {});

  /// A dump, datagram by datagram, so that the caller may do other things between two.
  result<> begin_dump(request& message);
  /// After an error the socket is good for nothing more than being closed.
  result<dump_progress> read_dump(const message_taker& take);

  /// A dump in one go, tried again when it is interrupted; `begin` is called before each try.
  /// errc::unavailable after five.
  result<verdict> dump(request& message, const std::function<void()>& begin,
                       const message_taker& take);

  /// Reads what the socket's groups have told so far, without waiting. Whether any of it matters,
  /// or some was lost that might.
  bool drain(const std::function<bool(const message&)>& matters = {});

  int descriptor() const;

 private:
  struct closer {
    void operator()(mnl_socket* socket) const;
  };
  explicit kernel_socket(mnl_socket* socket);
  result<> send(request& message);
  /// One datagram; an errno where there is none.
  std::expected<bytes_view, int> receive();

  std::unique_ptr<mnl_socket, closer> socket_;
  std::vector<std::uint8_t> buffer_;
  std::uint32_t sequence_ = 0;
  dump_reader dump_;
};

inline constexpr int dump_tries = 5;

/// The number of a generic netlink family; errc::unsupported where this kernel doesn't have it.
result<std::uint16_t> resolve_family(kernel_socket& socket, std::string_view name);

}  // namespace peerage::netlink
