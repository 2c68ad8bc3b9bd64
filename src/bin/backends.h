// The store, the bus and the mirror that the config names, opened.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "config/config.h"
#include "consul/store.h"
#include "natsbus/bus.h"
#include "ports/clock.h"
#include "ports/mirror.h"
#include "ports/roster.h"
#include "ports/sightings.h"
#include "ports/store.h"

namespace peerage {

struct backends {
  std::unique_ptr<peerage::store> store;
  std::unique_ptr<peerage::roster> roster;  // where the bus is one that others are on, too
  std::unique_ptr<peerage::bus> bus;
  nats_bus* nats = nullptr;                  // `bus`, where it is one: it wants to be stopped
  std::unique_ptr<peerage::mirror> mirror;   // of a gateway whose store is elsewhere
  std::unique_ptr<peerage::sightings> seen;  // of a gateway
  std::shared_ptr<consul_access> consul;     // where the store is Consul
  std::shared_ptr<std::atomic<bool>> disk_full = std::make_shared<std::atomic<bool>>();  // SQLite's
};

/// Of the disk, for removals from the store of this host when nothing else is left.
inline constexpr std::uint64_t reserve_bytes = 8'000'000;

/// What they are for: one that only looks makes nothing, on the disk or in the store.
enum class purpose : std::uint8_t { work, look };

/// `process_id` is this state_dir's own and stays the same across restarts. `time` outlives them.
/// Neither Consul nor NATS need be there. errc::invalid, errc::io, errc::corrupt, with the file.
result<backends> open_backends(asio::any_io_executor loop, clock& time, const daemon_config& config,
                               std::string process_id, purpose what = purpose::work);

/// Reads again the files of the config with which Consul and NATS are asked, and says in the log
/// what came of each; whether all could be used; one that is of no use changes nothing. Consul's
/// token counts from the next call, everything else from the next connection. NATS' files are read
/// at each connection anyway: here they are only looked at.
bool reload_credentials(const daemon_config& config, backends& with);

}  // namespace peerage
