// A device's whole dump at once, for tests.
#pragma once

#include <vector>

#include "ports/device.h"

namespace peerage::fakes {

struct collected final : dump_taker {
  void begin() override { entries.clear(); }
  void take(const device_entry& entry) override { entries.push_back(entry); }
  std::vector<device_entry> entries;
};

inline task<result<std::vector<device_entry>>> collect(device& from) {
  collected all;
  const auto dumped = co_await from.dump(all);
  if (!dumped) co_return std::unexpected(dumped.error());
  co_return std::move(all.entries);
}

}  // namespace peerage::fakes
