// One kept-open connection to a userspace WireGuard: a UNIX stream socket, one request and its
// answer at a time. For this room's device alone, on the event loop; a second request before the
// first is answered is a bug and throws std::logic_error. Fails with errc::unavailable where nobody
// listens, another process than the bound one does, or the connection ends before its answer;
// errc::denied; errc::timeout; errc::corrupt; errc::io.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "async/task.h"
#include "base/error.h"
#include "base/time.h"
#include "uapi/codec.h"

namespace peerage::uapi {

class connection {
 public:
  /// `path` is the socket's; nothing is opened yet. errc::invalid comes with the first use where
  /// the path is longer than a socket's may be (107 bytes).
  connection(asio::any_io_executor loop, std::string path);
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;
  ~connection();

  /// Connects now, where it isn't. The id of the process that listens, in our PID namespace; 0
  /// where it is in none of ours.
  task<result<pid_t>> open();

  /// From now on only this process is talked to, whoever listens at the path later.
  void bind_to(pid_t process) { process_ = process; }

  /// Sends the request and reads until the answer is whole. Connects where needed, and once more
  /// where the kept connection was found closed before a byte of the answer came. An answer with an
  /// errno is a success here; it ends the connection, since what was left of its request is unread.
  /// `request` and `answer` outlive the call. Cancelling closes the connection.
  task<result<>> ask(std::string_view request, answer_reader& answer, steady_duration limit);

  /// Returns when the other side has closed the connection, or close() was called; at once where it
  /// is not open. Cancelling ends it with an exception and leaves the connection as it is.
  task<> closed();

  bool is_open() const;
  void close();

 private:
  struct wire;
  class question;
  enum class outcome { broken, stale, answered };
  struct attempt {
    outcome how{};
    error why;
  };

  task<attempt> ask_once(std::string_view request, answer_reader& answer, bool kept);
  attempt cut_off() const;
  std::unexpected<error> unreachable(int number) const;
  std::string where() const { return "the userspace WireGuard at " + path_; }

  std::string path_;
  std::shared_ptr<wire> wire_;  // shared with the deadline's timer, which may fire late
  std::optional<pid_t> process_;
};

/// The id of the process that answers at the path; errors as a connection's. It is asked for a
/// change of nothing, since reading everything takes long where there are many peers.
task<result<pid_t>> answering(asio::any_io_executor loop, std::string path, steady_duration limit);

}  // namespace peerage::uapi
