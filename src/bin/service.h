// The whole daemon, put together: backends, and for each role what it needs, in the order in which
// they start; stop() goes the other way.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/agent.h"
#include "api/api.h"
#include "async/signal.h"
#include "audit/trail.h"
#include "bin/backends.h"
#include "bin/needed.h"
#include "bin/tunnel.h"
#include "config/config.h"
#include "control/control.h"
#include "http/server.h"
#include "nft/chains.h"
#include "ports/clock.h"

namespace peerage {

class service {
 public:
  service(asio::any_io_executor loop, daemon_config config);

  /// In a state_dir that this process has claimed. The first error, in words; what had been started
  /// by then is stopped by stop().
  task<result<>> start();
  task<> stop();
  /// Returns when the daemon can't go on, with why: another process has taken its gateway's name.
  task<error> failed();

  /// Reads again every file that the config names: the API's certificate and key, the credentials
  /// for Consul and NATS, the gateway's key. Connections keep what they have. A file that is of no
  /// use changes nothing, and the log says why.
  void reload();

  /// An admin token into the state_dir, in place of the one there. Instead of start().
  task<result<>> new_admin_token();

 private:
  result<> open();
  result<> claim_gateway();
  task<result<secret_key>> prepare_gateway();
  bool reload_certificate();
  bool reload_gateway_key();
  /// What /readyz names beside the role's own.
  std::vector<std::string> troubles_beside() const;
  task<result<>> start_gateway();
  result<> make_wall();
  task<result<>> start_api();
  task<result<>> start_admin();
  task<http::response> answer_as_gateway(http::request request);
  task<result<>> bootstrap();
  task<result<>> make_admin_token();
  result<std::unique_ptr<http::server>> serve(std::string& address, http::handler handle,
                                              std::shared_ptr<http::server_tls> tls = {});
  void say_ready() const;
  std::string text_of_admin_token() const;
  task<result<>> with_cause(result<> refused);
  std::string admin_token_file() const { return config_.state_dir + "/admin-token"; }

  asio::any_io_executor loop_;
  daemon_config config_;
  std::unique_ptr<clock> clock_;
  std::string process_id_;  // of this state_dir
  backends with_;
  needed_hosts needed_;
  std::unique_ptr<tunnel> tunnel_;
  std::unique_ptr<wall> wall_;
  std::unique_ptr<nft::other_chains> chains_;
  std::unique_ptr<host_news> news_;
  std::unique_ptr<agent> agent_;
  std::unique_ptr<control> control_;
  metrics metrics_;
  std::unique_ptr<audit_trail> audit_;
  std::unique_ptr<api> api_;
  std::unique_ptr<http::server> server_;
  signal failing_;
  error failure_;
};

}  // namespace peerage
