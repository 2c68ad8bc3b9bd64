// The whole daemon, put together: backends, agent, control, API and server, in the order in which
// they start; stop() goes the other way.
#pragma once

#include <memory>
#include <string>

#include "agent/agent.h"
#include "api/api.h"
#include "bin/tunnel.h"
#include "config/config.h"
#include "control/control.h"
#include "http/server.h"
#include "ports/bus.h"
#include "ports/clock.h"
#include "ports/store.h"

namespace peerage {

class service {
 public:
  service(asio::any_io_executor loop, daemon_config config);

  /// The first error, in words; what had been started by then is stopped by stop().
  task<result<>> start();
  task<> stop();

  /// Tries what start() would do, without changing the host; prints a line for each thing.
  task<result<>> check();
  /// An admin token into the state_dir, in place of the one there.
  task<result<>> new_admin_token();

 private:
  result<> check_roles() const;
  result<> open_store();
  task<result<>> start_gateway();
  task<result<>> start_api();
  task<result<>> bootstrap();
  std::string admin_token_file() const { return config_.state_dir + "/admin-token"; }

  asio::any_io_executor loop_;
  daemon_config config_;
  std::unique_ptr<clock> clock_;
  std::unique_ptr<store> store_;
  std::unique_ptr<bus> bus_;
  std::unique_ptr<tunnel> tunnel_;
  std::unique_ptr<agent> agent_;
  std::unique_ptr<control> control_;
  metrics metrics_;
  std::unique_ptr<api> api_;
  std::unique_ptr<http::server> server_;
};

}  // namespace peerage
