// What the server refuses on the connection in use, and the trials whether it permits it by now. A
// subject that was refused once stays so on its connection, whatever the server's configuration
// becomes, so each trial has a connection for itself; the one in use is given up only when
// everything is permitted on another. Owned by the bus, on the loop's thread. Inside this room.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "async/background.h"
#include "natsbus/connection.h"
#include "natsbus/permissions.h"
#include "ports/clock.h"

namespace peerage::nats {

class trials {
 public:
  /// What the bus needs now, and how it goes on.
  struct callbacks {
    std::function<std::vector<needed_subjects>()> needed;
    std::function<void()> permitted;  // everything, on another connection: make one anew
    std::function<void()> away;       // no connection can be had
  };
  /// `time`, `work` and `options` outlive it; `work` runs the trials, and its owner ends them.
  trials(asio::any_io_executor loop, clock& time, background& work, const nats_options& options,
         callbacks bus);

  /// There is another connection, or none.
  void clear();
  /// On the connection in use.
  void refused(const refusal& what);
  /// For an operator; empty: nothing is refused.
  std::string text() const { return text_of(refused_); }
  void stop();
  /// Returns when nothing is dialled any more.
  task<> idle() { return dialler_.idle(); }

 private:
  void say();
  void try_later();
  void dial();
  task<> try_on(std::shared_ptr<connection> made);

  clock& time_;
  background& work_;
  const nats_options& options_;
  callbacks bus_;
  asio::steady_timer later_;
  dialler dialler_;
  std::vector<refusal> refused_;
  std::string said_;  // in the log
  steady_time quiet_until_{};
  bool waits_ = false;
  bool stopping_ = false;
};

/// Once, over a connection of its own. errc::denied names the subjects.
task<result<>> try_permissions(asio::any_io_executor loop, clock& time, nats_options options,
                               needed_subjects needed, steady_time deadline);

}  // namespace peerage::nats
