// What the kernel answers on a netlink socket, read datagram by datagram: an acknowledgement with
// what comes before it, or a dump. Pure; used by socket.cc, which brings the datagrams. Malformed
// bytes are errc::corrupt; what the kernel itself says of a request is a verdict.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/error.h"
#include "netlink/wire.h"

namespace peerage::netlink {

/// The kernel's answer to a request: 0 for done, else an errno, and the same in words.
struct verdict {
  int number = 0;
  std::string text;
  bool done() const { return number == 0; }
};

/// "No such device", and in brackets the kernel's own words where it had some.
verdict verdict_of(int number, const std::string& words = {});

/// Takes one message of an answer; an error of it ends the reading.
using message_taker = std::function<result<>(const message&)>;

/// One datagram of the answer to request number `sequence`; messages of other requests are passed
/// over. Nothing as long as the acknowledgement is still to come.
result<std::optional<verdict>> read_answer(bytes_view datagram, std::uint32_t sequence,
                                           const message_taker& take);

struct dump_progress {
  bool finished = false;
  // What was dumped changed meanwhile: worth nothing, unless one knows what changed.
  bool interrupted = false;
  bool lossy = false;  // some of it never arrived: worth nothing
  verdict answer;      // of a finished one
};

class dump_reader {
 public:
  explicit dump_reader(std::uint32_t sequence = 0) : sequence_(sequence) {}
  result<dump_progress> add(bytes_view datagram, const message_taker& take);
  /// Some of it was lost; the rest is still to be read.
  dump_progress lose();

 private:
  std::uint32_t sequence_;
  bool interrupted_ = false;
  bool lossy_ = false;
};

}  // namespace peerage::netlink
