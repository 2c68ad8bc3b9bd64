// What others do to the host's network: a firewall that is restarted, an interface that is set
// down, an address that is taken away.
#pragma once

#include <string>

#include "async/task.h"

namespace peerage {

struct host_news {
  virtual ~host_news() = default;
  /// Returns once somebody else may have changed, since it last returned, what the gateway's
  /// interface, its routes and its wall stand on. Without the right or the means to be told it
  /// never returns: whoever waits has to look now and then all the same.
  virtual task<> changed() = 0;
  /// What it is not told, in words; empty: it is told all.
  virtual std::string trouble() const = 0;
};

}  // namespace peerage
