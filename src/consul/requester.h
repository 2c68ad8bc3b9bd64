// One kept HTTP connection to Consul, one request at a time, as calls.h needs it. Used on the event
// loop's thread. The real one is connection.h; the simulation has one to a Consul in memory.
#pragma once

#include <functional>
#include <memory>

#include "async/task.h"
#include "base/error.h"
#include "base/time.h"
#include "http/message.h"

namespace peerage::consul {

struct requester {
  virtual ~requester() = default;
  /// The answer, whatever its status. errc::unavailable: not sent, or a read whose answer was lost;
  /// errc::outcome_unknown: a write that was sent and whose answer was lost or late;
  /// errc::corrupt. `limit`, from now, ends it. After an error, or cancelled, it is closed, and the
  /// next request connects anew.
  virtual task<result<http::response>> ask(http::request wanted, bool writing,
                                           steady_duration limit) = 0;
  virtual void close() = 0;
};

/// Makes a connection that is not open yet.
using connector = std::function<std::shared_ptr<requester>()>;

}  // namespace peerage::consul
