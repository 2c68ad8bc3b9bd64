// The userspace WireGuard itself: a program that makes the interface and listens on a UNIX socket.
// Finds the one that runs, or starts one that outlives this process, so that traffic does too. For
// this room's device alone, on the event loop.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <string_view>

#include "async/task.h"
#include "base/error.h"
#include "base/time.h"

namespace peerage::uapi {

struct process_options {
  std::string interface;
  std::string program;   // a path, or a name to be found in PATH
  std::string run_dir;   // where the program puts its socket
  std::string log_file;  // what the program writes goes to its end; made 0600
  steady_duration start_limit = std::chrono::seconds(5);
  steady_duration gone_limit = std::chrono::seconds(1);  // for a dead one's interface to go
};

/// RUN_DIR/INTERFACE.sock. errc::invalid unless the name is 1 to 15 of a-z A-Z 0-9 _ = + . - and
/// neither "." nor ".."; so it can't lead out of the folder.
result<std::string> socket_path(std::string_view run_dir, std::string_view interface);

/// Why the program ended before it listened, by its last words.
error explain_exit(std::string_view program, std::string_view interface, std::string_view words);

class process {
 public:
  process(asio::any_io_executor loop, process_options options);

  /// Until one answers on the socket: the one that does already, or one that is started now. Its
  /// process id. A socket file that nobody listens on is in nobody's way: the program removes it.
  /// errc::unsupported: the program or /dev/net/tun is missing. errc::denied: not root.
  /// errc::conflict: another interface has the name, or the one that answers belongs to another
  /// network namespace. errc::timeout: it runs and does not answer. errc::invalid, errc::io.
  task<result<pid_t>> ensure();

  /// Takes leave of a started process that is dead or dying, so that no zombie stays. A second at
  /// most; nothing where there is none.
  task<> reap();

 private:
  task<bool> name_is_free();
  task<result<pid_t>> start(const std::string& path);
  task<result<pid_t>> await_socket(const std::string& path);
  result<pid_t> of_this_namespace(pid_t listener, const std::string& path) const;
  result<> spawn();
  bool child_ended();
  task<> end_child();
  std::string last_words() const;
  task<> pause();

  asio::any_io_executor loop_;
  process_options options_;
  pid_t child_ = 0;       // started here and not yet reaped; 0: none
  off_t log_begins_ = 0;  // where the log of the last start begins
};

}  // namespace peerage::uapi
