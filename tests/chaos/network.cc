#include "tests/chaos/network.h"

#include <fstream>

#include "tests/live/process.h"

namespace peerage::chaos {
namespace {

using live::must_run;

constexpr const char* bridge = "chaos0";
constexpr const char* rules = R"(table inet chaos {
  set cut { type ipv4_addr; }
  set lossy { type ipv4_addr; }
  set slow { type ipv4_addr; }
  chain heard {
    type filter hook input priority -300;
    ip saddr @cut drop
    ip saddr @lossy numgen random mod 3 == 0 drop
    ip saddr @slow limit rate over 20 kbytes/second burst 20 kbytes drop
  }
}
)";

std::string set_of(line how) {
  switch (how) {
    case line::cut: return "cut";
    case line::lossy: return "lossy";
    case line::slow: return "slow";
  }
  return {};
}

}  // namespace

std::string network::address_of(unsigned number) {
  return "10.77.0." + std::to_string(number);
}

network::network() {
  must_run({"ip", "link", "add", bridge, "type", "bridge"});
  must_run({"ip", "address", "add", address_of(254) + "/24", "dev", bridge});
  must_run({"ip", "link", "set", bridge, "up"});
}

void network::add(const std::string& name, unsigned number) {
  const std::string cable = "to-" + name;
  must_run({"ip", "netns", "add", name});
  must_run({"ip", "link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", name});
  must_run({"ip", "link", "set", cable, "master", bridge, "up"});
  must_run({"ip", "link", "set", "lo", "up"}, name);
  must_run({"ip", "address", "add", address_of(number) + "/24", "dev", "eth0"}, name);
  must_run({"ip", "link", "set", "eth0", "up"}, name);
  const live::temporary_folder folder;
  std::ofstream(folder.path() + "/rules") << rules;
  must_run({"nft", "-f", folder.path() + "/rules"}, name);
}

void network::change(const char* verb, const std::string& from, const std::string& to, line how) {
  const std::lock_guard hold(mutex_);
  must_run({"nft", verb, "element", "inet", "chaos", set_of(how), "{", from, "}"}, to);
}

void network::disturb(const std::string& from, const std::string& to, line how) {
  change("add", from, to, how);
}

void network::heal(const std::string& from, const std::string& to, line how) {
  change("delete", from, to, how);
}

}  // namespace peerage::chaos
