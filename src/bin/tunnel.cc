#include "bin/tunnel.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "bin/beside.h"
#include "bin/files.h"
#include "bin/host_network.h"
#include "log/log.h"
#include "model/gateway.h"
#include "netlink/device.h"
#include "netlink/link.h"

namespace peerage {
namespace {

struct choice {
  bool kernel = false;
  std::string why;
};

std::string note_in(const std::string& state_dir) {
  return state_dir + "/unmarked-interface";
}

void forget(const std::string& note) {
  std::error_code ignored;
  std::filesystem::remove(note, ignored);
}

/// In the kernel, or by a program that listens for it.
bool is_wireguard(const link_state& now, const std::string& interface) {
  return now.wireguard || userspace_has(interface);
}

/// An interface that is there: whether it is this gateway's, and of the kind that is wanted.
result<> may_use(const link_state& now, const gateway_config& config,
                 const std::string& state_dir) {
  const std::string& name = config.interface;
  if (!now.marked && !left_unmarked(now, state_dir, config) && !is_wireguard(now, name)) {
    return fail(errc::conflict, name +
                                    " is no WireGuard interface, and stays as it is; configure "
                                    "another name in gateway.interface");
  }
  if (!now.marked && !config.adopt && !left_unmarked(now, state_dir, config)) {
    return fail(errc::conflict,
                "interface " + name +
                    " is there and was not made by this gateway; choose another "
                    "gateway.interface, or set gateway.adopt = true to take it over");
  }
  const bool fits = config.device == device_choice::automatic ||
                    (config.device == device_choice::kernel) == now.wireguard;
  if (fits) return {};
  return fail(errc::conflict,
              "interface " + name +
                  " is there as the other kind of device; remove it (ip link delete " + name +
                  "), or set gateway.device to what it is");
}

result<choice> choose_kind(link& interface, const gateway_config& config,
                           const std::string& state_dir) {
  const std::string note = note_in(state_dir);
  const auto now = interface.state();
  if (!now) return std::unexpected(now.error());
  const std::string& name = interface.name();
  if (now->exists) {
    if (auto fits = may_use(*now, config, state_dir); !fits) return std::unexpected(fits.error());
    return choice{now->wireguard, "it is there already"};
  }
  if (config.device == device_choice::userspace) return choice{false, "gateway.device says so"};
  if (auto noted = write_private_file(note, name); !noted) return std::unexpected(noted.error());
  const auto made = interface.create();
  if (made) {
    return choice{true, config.device == device_choice::kernel ? "gateway.device says so"
                                                               : "the kernel has WireGuard"};
  }
  forget(note);
  if (made.error().code == errc::denied) {
    return fail(errc::denied, made.error().message +
                                  "; the gateway needs root, or CAP_NET_ADMIN and /dev/net/tun");
  }
  if (made.error().code != errc::unsupported || config.device == device_choice::kernel) {
    return std::unexpected(made.error());
  }
  return choice{false, made.error().message};
}

}  // namespace

bool left_unmarked(const link_state& now, const std::string& state_dir,
                   const gateway_config& config) {
  if (now.marked || now.up) return false;
  const auto named = read_private_file(note_in(state_dir));
  return named && named->reveal() == config.interface;
}

result<std::string> tunnel::look(const gateway_config& config, const std::string& state_dir) {
  const auto now = netlink::make_link(config.interface, config.name.text())->state();
  if (!now) return std::unexpected(now.error());
  if (now->exists) {
    if (auto fits = may_use(*now, config, state_dir); !fits) {
      return std::unexpected(fits.error());
    }
    return "interface " + config.interface + " is there";
  }
  const std::string made = "interface " + config.interface + " will be made";
  const bool kernel = config.device != device_choice::userspace && netlink::kernel_has_wireguard();
  if (kernel) return made;
  if (config.device == device_choice::kernel) {
    return fail(errc::unsupported, "this kernel has no WireGuard, and gateway.device = \"kernel\"");
  }
  if (auto can = can_run_userspace(); !can) {
    return fail(can.error().code,
                "interface " + config.interface + " can't be made: " + can.error().message);
  }
  return made + ", by wireguard-go";
}

tunnel::tunnel(const gateway_config& config, secret_key key)
    : listen_port_(config.listen_port),
      mtu_(config.mtu.value_or(usual_mtu)),
      forwards_(config.forwarding == forwarding_choice::set),
      key_(std::move(key)) {}

result<std::unique_ptr<tunnel>> tunnel::choose(asio::any_io_executor loop,
                                               const gateway_config& config,
                                               const std::string& state_dir, secret_key key,
                                               netlink::needed_addresses needed,
                                               netlink::belongings kept) {
  std::unique_ptr<tunnel> made(new tunnel(config, std::move(key)));
  made->unmarked_note_ = note_in(state_dir);
  made->link_ =
      netlink::make_link(config.interface, config.name.text(), std::move(needed), std::move(kept));
  const auto before = made->link_->state();
  made->made_ = before && !before->exists;
  const auto kind = choose_kind(*made->link_, config, state_dir);
  if (!kind) {
    made->take_away();
    return std::unexpected(kind.error());
  }
  if (kind->kernel) {
    made->device_ = netlink::make_kernel_device(loop, config.interface);
  } else {
    userspace_options options;
    options.interface = config.interface;
    options.log_file = state_dir + "/wireguard-go.log";
    auto device = make_userspace_device(loop, std::move(options));
    made->userspace_ = device.get();
    made->device_ = std::move(device);
  }
  log::info(
      "device chosen",
      {{"interface", config.interface}, {"device", made->device_->kind()}, {"why", kind->why}});
  return made;
}

void tunnel::take_away() {
  if (!made_) return;
  const auto now = link_->state();
  if (!now || !now->exists) return;
  if (const auto gone = link_->remove(); !gone) {
    log::error("the interface that this start made stays",
               {{"interface", link_->name()}, {"error", gone.error().message}});
    return;
  }
  forget(unmarked_note_);
}

task<result<>> tunnel::bring_up() {
  const auto now = link_->state();
  if (!now) co_return std::unexpected(now.error());
  if (!now->exists) {
    if (auto noted = write_private_file(unmarked_note_, link_->name()); !noted) co_return noted;
  }
  if (userspace_ != nullptr) {
    if (auto running = co_await userspace_->ensure_running(); !running) co_return running;
  } else if (!now->exists) {
    if (auto made = link_->create(); !made) co_return made;
  }
  if (auto up = link_->bring_up(mtu_); !up) co_return up;
  forget(unmarked_note_);
  if (forwards_) {
    for (const std::string& each : set_forwarding(link_->name())) {
      log::info("forwarding set, as gateway.forwarding says", {{"setting", each}});
    }
  }
  secret_key key = key_;
  auto configured = co_await device_->configure(std::move(key), listen_port_);
  if (!configured && configured.error().code == errc::conflict) {
    if (const auto free = try_udp_port(listen_port_); !free) configured = free;
  }
  co_return configured;
}

}  // namespace peerage
