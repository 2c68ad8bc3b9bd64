// gateway.adopt: an interface that somebody else made becomes the gateway's. What it has stays: its
// addresses and routes for good, its peers until an operator lets go of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "async/task.h"
#include "config/config.h"
#include "model/key.h"
#include "netlink/link.h"

namespace peerage {

struct foreign_interface {
  netlink::belongings has;
  std::vector<std::string> peers;  // public keys, sorted
  std::optional<secret_key> key;
  std::uint16_t listen_port = 0;
};

/// The interface of that name, where it is there and no gateway made it; nothing otherwise. Changes
/// nothing. errc::io, errc::unavailable where its device does not answer.
task<result<std::optional<foreign_interface>>> look_at_foreign(asio::any_io_executor loop,
                                                               const gateway_config& config,
                                                               const std::string& state_dir);

/// What happens to it, for `--check` and the log, a line each.
std::vector<std::string> adoption(const foreign_interface& found, const gateway_config& config);

/// Before the first start on it: notes what it has, and takes its private key where the gateway has
/// none yet, so that its peers' files stay good. Nothing where there is nothing to adopt.
task<result<>> adopt_interface(asio::any_io_executor loop, const gateway_config& config,
                               const std::string& state_dir);

/// What the interface had when it was adopted; nothing where it never was.
netlink::belongings adopted_belongings(const std::string& state_dir, const std::string& interface);

/// What stands in place of the store's epoch while an adopted interface's peers are held.
inline const std::string adopted_epoch = "adopted";

}  // namespace peerage
