#include "bin/check_network.h"

#include <utility>

#include "bin/host_network.h"
#include "bin/interface_lock.h"

namespace peerage {
namespace {

void check_holder(const gateway_config& config, const running_daemon& beside, check_report& into) {
  const auto holder = holder_of(config.interface);
  // The daemon that is to be restarted.
  if (!holder || (beside.running && (holder->pid == beside.pid || holder->pid == 0))) return;
  into.say("device",
           fail(errc::conflict, "interface " + config.interface + " is in use by " +
                                    text_of(*holder) + ", another peeraged with another state_dir"),
           {});
}

void check_ipv6(const gateway_config& config, check_report& into) {
  const ipv6_of_host now = look_at_ipv6(config.interface);
  if (const std::string why = why_no_ipv6(now, config.interface); !why.empty()) {
    into.say("ipv6", fail(errc::unsupported, why), {});
  } else if (now == ipv6_of_host::off) {
    into.note("ipv6", "is switched off on this host, and will be switched on for " +
                          config.interface + " alone");
  }
}

void check_mtu(const gateway_config& config, const std::string& endpoint, check_report& into) {
  const auto uplink = uplink_mtu();
  const std::uint32_t fits = tunnel_mtu(uplink, endpoint);
  const std::uint32_t mtu = config.mtu.value_or(fits);
  std::string text = std::to_string(mtu);
  if (uplink) text += "; the uplink's is " + std::to_string(*uplink);
  if (mtu > fits && uplink && mtu + 60 > *uplink) {
    into.note("mtu", text + ", which leaves " + std::to_string(fits));
  } else {
    into.say("mtu", {}, text);
  }
}

void check_forwarding(const gateway_config& config, const running_daemon& beside,
                      check_report& into) {
  if (config.forwarding == forwarding_choice::ignore) return;
  nft::other_chains chains;
  forwarding_facts now = look_at_forwarding(chains, config.interface);
  const bool set = config.forwarding == forwarding_choice::set;
  if (set && !beside.running && !(now.ipv4 && now.ipv6)) {
    into.note("network", "forwarding is off, and the start will set it");
    now.ipv4 = now.ipv6 = true;
  }
  for (const std::string& each : forwarding_troubles(now, config.interface, set)) {
    into.note("network", each);
  }
}

}  // namespace

void check_host_network(const daemon_config& config, const running_daemon& beside,
                        const std::string& endpoint, const std::optional<found_interface>& adopted,
                        check_report& into) {
  const gateway_config& mine = *config.gateway;
  check_holder(mine, beside, into);
  check_ipv6(mine, into);
  check_mtu(mine, endpoint, into);
  check_forwarding(mine, beside, into);
  if (!adopted) return;
  for (const std::string& each : adoption(*adopted, config)) into.note("adopt", each);
}

}  // namespace peerage
