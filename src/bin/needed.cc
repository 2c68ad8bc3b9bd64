#include "bin/needed.h"

#include <fstream>
#include <mutex>
#include <sstream>
#include <thread>

#include "base/time.h"
#include "http/client.h"
#include "http/dial.h"
#include "natsbus/options.h"

namespace peerage {
namespace {

constexpr seconds good_for{60};
constexpr std::size_t most_resolvers = 16;

void add_resolvers(std::vector<netlink::needed_address>& into) {
  std::ifstream file("/etc/resolv.conf");
  std::size_t added = 0;
  for (std::string line; added < most_resolvers && std::getline(file, line);) {
    std::istringstream words(line);
    std::string first, address;
    if (!(words >> first >> address) || first != "nameserver") continue;
    const auto parsed = ip_address::parse(address);
    if (!parsed) continue;
    into.push_back({*parsed, "its resolver"});
    ++added;
  }
}

ip_address address_of(const asio::ip::tcp::endpoint& from) {
  const asio::ip::address its = from.address();
  if (its.is_v4()) return ip_address::v4(its.to_v4().to_uint());
  return ip_address::v6(its.to_v6().to_bytes());
}

}  // namespace

struct needed_hosts::shared {
  std::mutex mine;
  bool looking = false;
  std::chrono::steady_clock::time_point looked{};
  std::vector<netlink::needed_address> found;
};

needed_hosts::needed_hosts(const daemon_config& config) : found_(std::make_shared<shared>()) {
  if (config.store.kind == store_kind::consul) {
    if (const auto url = http::parse_base_url(config.store.address)) {
      hosts_.emplace_back(url->host, "its store");
    }
  }
  if (config.bus.kind == bus_kind::nats) {
    for (const std::string& each : config.bus.servers) {
      hosts_.emplace_back(nats::host_of(each), "its bus");
    }
  }
  look_up();
}

std::vector<netlink::needed_address> needed_hosts::now() {
  look_up();
  std::vector<netlink::needed_address> all;
  {
    const std::lock_guard lock(found_->mine);
    all = found_->found;
  }
  add_resolvers(all);
  return all;
}

/// On a thread of its own: a resolver may hang for long, and the daemon does not wait for it.
void needed_hosts::look_up() {
  const auto now = std::chrono::steady_clock::now();
  {
    const std::lock_guard lock(found_->mine);
    const bool fresh = found_->looked != decltype(now){} && now - found_->looked < good_for;
    if (hosts_.empty() || fresh || std::exchange(found_->looking, true)) return;
  }
  std::thread([hosts = hosts_, into = found_, now] {
    std::vector<netlink::needed_address> found;
    for (const auto& [host, what] : hosts) {
      const auto all = http::resolve_by_system(host, 0);
      if (!all) continue;
      for (const auto& each : *all) found.push_back({address_of(each), what});
    }
    const std::lock_guard lock(into->mine);
    // A name that could not be found now is where it was.
    if (!found.empty()) into->found = std::move(found);
    into->looked = now;
    into->looking = false;
  }).detach();
}

}  // namespace peerage
