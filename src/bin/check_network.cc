#include "bin/check_network.h"

#include <utility>

#include "bin/adopt.h"
#include "bin/host_network.h"
#include "bin/interface_lock.h"

namespace peerage {
namespace {

void check_holder(const gateway_config& config, const running_daemon& beside,
                  std::vector<finding>& into) {
  const auto holder = holder_of(config.interface);
  // The daemon that is to be restarted.
  if (!holder || (beside.running && (holder->pid == beside.pid || holder->pid == 0))) return;
  into.push_back(
      {"device",
       fail(errc::conflict, "interface " + config.interface + " is in use by " + text_of(*holder) +
                                ", another peeraged with another state_dir"),
       {}});
}

void check_ipv6(const gateway_config& config, std::vector<finding>& into) {
  const ipv6_of_host now = look_at_ipv6(config.interface);
  if (const std::string why = why_no_ipv6(now, config.interface); !why.empty()) {
    into.push_back({"ipv6", fail(errc::unsupported, why), {}});
  } else if (now == ipv6_of_host::off) {
    into.push_back(
        {"ipv6",
         {},
         "is switched off on this host, and will be switched on for " + config.interface + " alone",
         true});
  }
}

void check_mtu(const gateway_config& config, const std::string& endpoint,
               std::vector<finding>& into) {
  const auto uplink = uplink_mtu();
  const std::uint32_t fits = tunnel_mtu(uplink, endpoint);
  const std::uint32_t mtu = config.mtu.value_or(fits);
  std::string text = std::to_string(mtu);
  if (uplink) text += "; the uplink's is " + std::to_string(*uplink);
  if (mtu > fits && uplink && mtu + 60 > *uplink) {
    into.push_back({"mtu", {}, text + ", which leaves " + std::to_string(fits), true});
  } else {
    into.push_back({"mtu", {}, text});
  }
}

void check_forwarding(const gateway_config& config, const running_daemon& beside,
                      std::vector<finding>& into) {
  if (config.forwarding == forwarding_choice::ignore) return;
  nft::other_chains chains;
  forwarding_facts now = look_at_forwarding(chains, config.interface);
  const bool set = config.forwarding == forwarding_choice::set;
  if (set && !beside.running && !(now.ipv4 && now.ipv6)) {
    into.push_back({"network", {}, "forwarding is off, and the start will set it", true});
    now.ipv4 = now.ipv6 = true;
  }
  for (const std::string& each : forwarding_troubles(now, config.interface, set)) {
    into.push_back({"network", {}, each, true});
  }
}

}  // namespace

task<std::vector<finding>> check_host_network(asio::any_io_executor loop,
                                              const daemon_config& config,
                                              const running_daemon& beside,
                                              const std::string& endpoint) {
  const gateway_config& mine = *config.gateway;
  std::vector<finding> found;
  check_holder(mine, beside, found);
  check_ipv6(mine, found);
  check_mtu(mine, endpoint, found);
  check_forwarding(mine, beside, found);
  const auto adopted = co_await look_for_adoption(loop, config);
  if (!adopted) found.push_back({"adopt", std::unexpected(adopted.error()), {}});
  if (adopted && *adopted) {
    for (const std::string& each : adoption(**adopted, config)) {
      found.push_back({"adopt", {}, each, true});
    }
  }
  co_return found;
}

}  // namespace peerage
