// An interface that this state_dir did not fill becomes the gateway's: with gateway.adopt one that
// somebody else made, and always one that was made by a gateway of this name, with another store or
// a state_dir that is lost. What it has stays: its private key, where this gateway has none; its
// peers, until an operator lets go of them; and of a foreign one its addresses and routes for good.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "async/task.h"
#include "config/config.h"
#include "model/key.h"
#include "netlink/link.h"
#include "ports/store.h"

namespace peerage {

struct found_interface {
  bool own_name = false;  // made by a gateway of this name
  bool held = true;       // its peers are
  netlink::belongings has;
  std::vector<std::string> peers;  // public keys, sorted
  std::optional<secret_key> key;
  std::uint16_t listen_port = 0;
};

/// The gateway's interface, where it is there and has to be adopted; nothing otherwise. Changes
/// nothing. `config` has a gateway; `of` is asked whether it is the store that the device was
/// filled from; nullptr: nobody knows. errc::io, errc::unavailable where its device does not
/// answer.
task<result<std::optional<found_interface>>> look_for_adoption(asio::any_io_executor loop,
                                                               const daemon_config& config,
                                                               store* of);

/// What happens to it, for `--check` and the log, a line each.
std::vector<std::string> adoption(const found_interface& found, const daemon_config& config);

/// Before the first start on it: notes what it has, and takes its private key where the gateway has
/// none yet, so that its peers' files stay good. Nothing where there is nothing to adopt.
task<result<>> adopt_interface(asio::any_io_executor loop, const daemon_config& config, store& of);

/// What the interface had when it was adopted; nothing where it never was.
netlink::belongings adopted_belongings(const std::string& state_dir, const std::string& interface);

/// The epoch of the store that the device was filled from; or, while an adopted interface's peers
/// are held, adopted_epoch.
std::string store_epoch_file(const std::string& state_dir);
inline const std::string adopted_epoch = "adopted";

}  // namespace peerage
