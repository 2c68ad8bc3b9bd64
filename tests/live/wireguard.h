// WireGuard as others see it: the tool `wg` looks at a device, and a client on a host of its own
// uses it. For tests alone. What a tool refuses is an exception.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "tests/live/process.h"

namespace peerage::live {

struct seen_peer {
  std::string preshared_key;  // "(none)" where it has none
  std::string endpoint;       // "(none)" before its first packet
  std::set<std::string> allowed_ips;
  std::int64_t last_handshake = 0;  // Unix seconds; 0: never

  bool operator==(const seen_peer&) const = default;
};

/// By public key.
using seen_peers = std::map<std::string, seen_peer>;

/// What `wg show INTERFACE dump` says now.
seen_peers look_at(const std::string& interface);

/// The process of a userspace device; 0 where the kernel's own is it, or where there is none.
pid_t userspace_process(const std::string& interface);

/// The kernel's number of the interface: another one after it was made anew; 0 where there is none.
unsigned index_of(const std::string& interface);

/// Ends the device, of whichever kind, and returns when its interface is gone.
void remove_device(const std::string& interface);

/// A host of its own, joined to the test's by a cable: a network namespace and a WireGuard device
/// in it.
class client_host {
 public:
  /// The gateway's end of the cable has gateway_address().
  client_host();
  ~client_host();
  client_host(const client_host&) = delete;
  client_host& operator=(const client_host&) = delete;

  std::string gateway_address() const { return subnet_ + "1"; }
  const std::string& network() const { return name_; }
  const std::string& folder() const { return folder_.path(); }

  /// Takes a wg-quick file as `wg-quick up` does, but for DNS.
  void connect(const std::string& config_file);
  /// The cable is cut, for good.
  void unplug();

 private:
  void make_device();

  std::string name_;
  std::string interface_;
  std::string subnet_;
  temporary_folder folder_;
  std::unique_ptr<process> wireguard_;  // where the kernel has none
};

}  // namespace peerage::live
