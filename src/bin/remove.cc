#include "bin/remove.h"

#include <cstdio>
#include <utility>

#include "bin/files.h"
#include "bin/gateway_name.h"
#include "bin/interface_lock.h"
#include "bin/privileges.h"
#include "netlink/link.h"
#include "nft/wall.h"

namespace peerage {

std::unique_ptr<wall> make_wall(const gateway_config& config, const std::string& state_dir) {
  nft::wall_options options;
  options.table = "peerage-" + config.name.text();
  options.interface = config.interface;
  for (const open_port& each : config.open) options.open.push_back({each.protocol, each.port});
  options.note_file = state_dir + "/wall";
  return nft::make_wall(std::move(options));
}

result<> remove_gateway(daemon_config config) {
  if (!config.gateway) return fail(errc::invalid, "the config has no [gateway]");
  if (auto owner = act_as_owner(config); !owner) return owner;
  if (auto named = settle_gateway_name(config, false); !named) {
    return std::unexpected(named.error());
  }
  if (auto idle = claim_state_dir(config.state_dir); !idle) return idle;
  if (auto idle = claim_interface(config.gateway->interface); !idle) return idle;
  const auto interface = netlink::make_link(config.gateway->interface, config.gateway->name.text());
  const auto now = interface->state();
  if (!now) return std::unexpected(now.error());
  if (now->exists && !now->marked) {
    return fail(errc::conflict,
                "interface " + interface->name() + " was not made by this gateway, and stays");
  }
  // The wall last: nothing passes while one of the two is gone.
  if (now->exists) {
    if (auto gone = interface->remove(); !gone) return gone;
    std::printf("removed the interface %s, with every peer on it\n", interface->name().c_str());
  } else {
    std::printf("there was no interface %s\n", interface->name().c_str());
  }
  if (auto gone = make_wall(*config.gateway, config.state_dir)->remove(); !gone) return gone;
  std::puts("no firewall of this gateway is left");
  return {};
}

}  // namespace peerage
