// The fleet that is put through chaos: three Consul servers with access lists, two NATS servers,
// three API processes, two gateways, each on a host of its own.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "http/message.h"
#include "tests/chaos/network.h"
#include "tests/chaos/party.h"
#include "tests/live/daemon.h"
#include "tests/live/process.h"

namespace peerage::chaos {

/// What a device has: allowed IPs by public key.
using device_look = std::map<std::string, std::set<std::string>>;

class fleet {
 public:
  explicit fleet(const std::string& folder);
  /// Everything runs, and both gateways are live. The networks: acme, and tight with 13 addresses.
  void start();

  std::vector<std::unique_ptr<party>> all;
  network lines;

  std::vector<party*> with(role what) const;
  party& named(const std::string& name) const;
  static std::string interface_of(const std::string& gateway) { return "wg-" + gateway; }

  std::string url(std::size_t api) const;
  const std::string& token() const { return token_; }
  live::caller call(std::size_t api) const { return {url(api), token_}; }
  std::size_t apis() const { return with(role::api).size(); }

  /// The gateway's device by WireGuard's own tool, now; nothing where it does not answer in 2 s.
  std::optional<device_look> look(const std::string& gateway) const;
  /// Its wireguard-go dies.
  void lose_device(const std::string& gateway);

  // Consul as its operator has it: these throw where it does not answer.
  http::response consul(const std::string& method, const std::string& target,
                        const std::string& body = {}) const;
  void make_policy(const std::string& of, bool with_a_typo);
  void make_token(const std::string& of);
  void delete_token(const std::string& of);
  /// Every process's, as they should be. False: not yet.
  bool give_back_rights();
  void save_snapshot();
  void restore_snapshot();
  std::optional<std::string> leader() const;

  /// How often something was done by which what was live may be missing on a device.
  std::atomic<unsigned> devices_lost = 0;
  /// How often the past came back: odd while it does.
  std::atomic<unsigned> restored = 0;

 private:
  party& add(role what, const std::string& name, unsigned number);
  void set_up_consul(party& one);
  void set_up_nats(party& one);
  void set_up_daemon(party& one);
  void unlock();

  std::string folder_;
  std::string token_;
};

}  // namespace peerage::chaos
