// The gateway's WireGuard device with its interface, of whichever kind this host can have.
#pragma once

#include <memory>
#include <string>

#include "config/config.h"
#include "model/key.h"
#include "netlink/link.h"
#include "ports/device.h"
#include "ports/link.h"
#include "uapi/device.h"

namespace peerage {

/// A daemon that was killed between making its interface and marking it left a note in the
/// state_dir: the interface is its own all the same. One that is up is somebody else's: marking
/// brings it up.
bool left_unmarked(const link_state& now, const std::string& state_dir,
                   const gateway_config& config);

class tunnel {
 public:
  /// Chooses: kernel where it can be had, else userspace, and says which and why. Makes the
  /// interface where it is absent. errc::conflict for one that is not ours, errc::unsupported,
  /// errc::denied.
  static result<std::unique_ptr<tunnel>> choose(asio::any_io_executor loop,
                                                const gateway_config& config,
                                                const std::string& state_dir, secret_key key,
                                                netlink::needed_addresses needed = {},
                                                netlink::belongings kept = {});

  /// What choose() would do, and errors as its, without doing it.
  static result<std::string> look(const gateway_config& config, const std::string& state_dir);

  /// Removes the interface, with what runs for it, where choose() found none: for a start that is
  /// refused. What was there before stays.
  void take_away();

  /// There, up, with its key and port. errc::conflict names who has the port. Harmless where it is
  /// so already.
  task<result<>> bring_up();

  /// From the next bring_up() on.
  void use(secret_key key) { key_ = std::move(key); }

  peerage::device& device() { return *device_; }
  peerage::link& link() { return *link_; }

 private:
  tunnel(const gateway_config& config, secret_key key);

  bool made_ = false;  // the interface was not there before
  std::uint16_t listen_port_;
  std::uint32_t mtu_;
  bool forwards_;  // it sets the host's forwarding
  secret_key key_;
  std::string unmarked_note_;  // the file that names an interface between its making and its mark
  std::unique_ptr<peerage::link> link_;
  std::unique_ptr<peerage::device> device_;
  userspace_device* userspace_ = nullptr;  // device_, where it is one
};

}  // namespace peerage
