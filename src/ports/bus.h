// The bus: how an API process reaches a gateway at once, and hears it live. It may lose, delay,
// repeat and reorder; nobody depends on it for truth, only for speed.
#pragma once

#include <functional>

#include "async/task.h"
#include "base/error.h"
#include "base/time.h"
#include "model/apply.h"
#include "model/event.h"
#include "model/gateway.h"

namespace peerage {

/// What a gateway answers with: implemented by the agent.
struct gateway_service {
  virtual ~gateway_service() = default;
  virtual task<apply_reply> apply(apply_request request) = 0;
  virtual task<status_reply> status(status_request request) = 0;
  virtual task<accept_removals_reply> accept_removals(accept_removals_request request) = 0;
};

struct bus {
  virtual ~bus() = default;

  /// Asks a gateway and returns its answer. Until `deadline` at the latest. May be called again
  /// with the same request: the gateway then answers the same.
  /// errc::unavailable: known that nobody heard it. errc::timeout: no answer; it may have been
  /// applied, or will be. Cancelling leaves the same doubt as errc::timeout.
  virtual task<result<apply_reply>> apply(gateway_name to, apply_request request,
                                          steady_time deadline) = 0;
  virtual task<result<status_reply>> status(gateway_name to, status_request request,
                                            steady_time deadline) = 0;

  virtual task<result<accept_removals_reply>> accept_removals(gateway_name to,
                                                              steady_time deadline) = 0;

  /// From now on requests to `name` go to `service`, many at once, until stop_serving() returns.
  /// errc::conflict where this process serves that name already. `service` outlives the serving.
  virtual result<> serve(gateway_name name, gateway_service& service) = 0;
  virtual void stop_serving(const gateway_name& name) = 0;

  /// Tells every listener; never waits, and may be lost.
  virtual void publish(const heartbeat& beat) = 0;

  /// `hear` is called for every heartbeat that arrives from now on, for the life of the bus.
  virtual void listen(std::function<void(const heartbeat&)> hear) = 0;

  /// The same for events; a listener hears those of its own process too.
  virtual void publish(const event& what) = 0;
  virtual void listen(std::function<void(const event&)> hear) = 0;

  /// False while the other side can't be reached at all.
  virtual bool connected() const = 0;
};

}  // namespace peerage
