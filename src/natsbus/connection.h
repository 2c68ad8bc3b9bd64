// One connection to a NATS server, on the loop's thread: cnats reads and writes the socket when the
// loop says so, and messages reach their handlers from within that read, with no other thread in
// between. A connection that is lost stays lost; whoever owns it dials again. Inside this room.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "async/signal.h"
#include "async/task.h"
#include "base/error.h"
#include "natsbus/bus.h"
#include "natsbus/permissions.h"
#include "ports/clock.h"

namespace peerage::nats {

/// Valid during the call alone.
struct message {
  std::string_view subject;
  std::string_view reply;  // empty where no answer is wanted
  std::string_view payload;
  std::string_view seal;  // the header of seal.h; empty where there is none
  bool nobody = false;    // the server says that a request found nobody; then all else is empty
};

class connection {
 public:
  using handler = std::function<void(const message&)>;
  struct state;
  struct subscription;

  explicit connection(std::shared_ptr<state> made);
  ~connection();
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  /// `lost` is called once, from the loop, when the connection ended by itself. No handler is
  /// called before start(), and neither is `lost`.
  /// `refused` is called from the loop for each line by which the server refuses a subject.
  void start(
      std::function<void()> lost,
      std::function<void(const refusal&)> refused = [](const refusal&) {});
  /// No handler is called afterwards.
  void close();
  bool open() const;

  /// Null where the connection is lost. It ends with the connection or by unsubscribe().
  std::shared_ptr<subscription> subscribe(const std::string& subject, handler hear);
  void unsubscribe(const std::shared_ptr<subscription>& ended);

  /// Handed to the socket in this turn of the loop. errc::unavailable where the connection is lost
  /// or too much waits already; errc::invalid where the payload is too large.
  result<> publish(const std::string& subject, const std::string& reply, std::string_view payload,
                   const std::string& seal = {});
  /// Subscribes to what is heard, and publishes nothing on what is said; the subscriptions end at
  /// once. What the server thinks of it arrives at `refused`.
  void attempt(const needed_subjects& needed);
  /// Returns when `refused` has been called for everything so far. For a connection that does
  /// nothing else meanwhile. errc::unavailable: not until `deadline`.
  task<result<>> settle(clock& time, steady_time deadline);

  /// Below the prefix of the options, and nobody else has it.
  std::string new_inbox() const;

  /// "nats://HOST:PORT", without a user's name and password.
  std::string server() const;

 private:
  std::shared_ptr<state> state_;
};

/// A random name that nobody else has: one token of a subject.
std::string new_token();

/// To the first server that takes us. Blocks for seconds where one is silent; on any thread.
result<std::unique_ptr<connection>> connect(const nats_options& from, asio::any_io_executor loop);

/// Connects, which blocks for seconds where a server is silent, on a thread of its own.
class dialler {
 public:
  using done = std::function<void(result<std::unique_ptr<connection>>)>;

  explicit dialler(asio::any_io_executor loop);
  ~dialler();  // waits for the attempt

  /// `answer` is called from the loop, never from here. One attempt at a time.
  void dial(const nats_options& options, done answer);
  /// Returns when no attempt is under way.
  task<> idle();
  bool busy() const { return busy_; }

 private:
  asio::any_io_executor loop_;
  signal ended_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::thread thread_;
  bool busy_ = false;
};

}  // namespace peerage::nats
