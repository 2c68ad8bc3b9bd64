// The audit: what was done through this API process, kept on its own disk. Used by the API, on the
// loop.
//
// Order: what was noted is read back in that order, newest first; a read finds everything noted
// before it began. A process that is killed may lose the last 50 ms, a power cut the last seconds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "async/task.h"
#include "base/error.h"
#include "model/audit.h"

namespace peerage {

struct audit_page {
  std::vector<audit_entry> items;   // newest first
  std::optional<std::string> next;  // where to go on
};

struct audit_trail {
  virtual ~audit_trail() = default;

  /// At once: whoever is served by the call does not wait for the disk. Where too much waits for
  /// the disk already, or that refuses, the entry is lost, and lost() counts it.
  virtual void note(audit_entry what) = 0;

  /// `from`: `next` of the page before; "" for the newest. Fewer than `limit` entries, with a next,
  /// where some could not be read. errc::invalid for a `from` that no page gave; errc::io.
  virtual task<result<audit_page>> read(std::string from, std::size_t limit) = 0;

  virtual std::uint64_t lost() const = 0;
};

}  // namespace peerage
