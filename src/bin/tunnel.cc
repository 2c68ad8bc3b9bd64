#include "bin/tunnel.h"

#include <utility>

#include "log/log.h"
#include "netlink/device.h"
#include "netlink/link.h"

namespace peerage {
namespace {

// WireGuard's own overhead over IPv6 is 80 bytes: what wg-quick sets, too.
constexpr std::uint32_t mtu = 1420;

struct choice {
  bool kernel = false;
  std::string why;
};

result<choice> choose_kind(link& interface, const gateway_config& config) {
  const auto now = interface.state();
  if (!now) return std::unexpected(now.error());
  const std::string& name = interface.name();
  if (now->exists && !now->marked && !config.adopt) {
    return fail(errc::conflict,
                "interface " + name +
                    " is there and was not made by this gateway; choose another "
                    "gateway.interface, or set gateway.adopt = true to take it over");
  }
  if (now->exists) {
    const bool fits = config.device == device_choice::automatic ||
                      (config.device == device_choice::kernel) == now->wireguard;
    if (!fits) {
      return fail(errc::conflict, "interface " + name +
                                      " is there as the other kind of device; "
                                      "remove it (ip link delete " +
                                      name +
                                      "), or set "
                                      "gateway.device to what it is");
    }
    return choice{now->wireguard, "it is there already"};
  }
  if (config.device == device_choice::userspace) return choice{false, "gateway.device says so"};
  const auto made = interface.create();
  if (made) {
    return choice{true, config.device == device_choice::kernel ? "gateway.device says so"
                                                               : "the kernel has WireGuard"};
  }
  if (made.error().code != errc::unsupported || config.device == device_choice::kernel) {
    return std::unexpected(made.error());
  }
  return choice{false, made.error().message};
}

}  // namespace

tunnel::tunnel(const gateway_config& config, secret_key key)
    : listen_port_(config.listen_port), key_(std::move(key)) {}

result<std::unique_ptr<tunnel>> tunnel::choose(asio::any_io_executor loop,
                                               const gateway_config& config,
                                               const std::string& state_dir, secret_key key) {
  std::unique_ptr<tunnel> made(new tunnel(config, std::move(key)));
  made->link_ = netlink::make_link(config.interface, config.name.text());
  const auto kind = choose_kind(*made->link_, config);
  if (!kind) return std::unexpected(kind.error());
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

task<result<>> tunnel::bring_up() {
  if (userspace_ != nullptr) {
    if (auto running = co_await userspace_->ensure_running(); !running) co_return running;
  } else {
    const auto now = link_->state();
    if (!now) co_return std::unexpected(now.error());
    if (!now->exists) {
      if (auto made = link_->create(); !made) co_return made;
    }
  }
  if (auto up = link_->bring_up(mtu); !up) co_return up;
  secret_key key = key_;
  co_return co_await device_->configure(std::move(key), listen_port_);
}

}  // namespace peerage
