#include "tests/live/wireguard.h"

#include <net/if.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <vector>

namespace peerage::live {
namespace {

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, at);) parts.push_back(part);
  return parts;
}

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(' ');
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

/// The values of every line "NAME = A, B".
std::vector<std::string> values_of(const std::string& config, const std::string& name) {
  std::vector<std::string> values;
  for (const std::string& line : split(config, '\n')) {
    const auto equals = line.find('=');
    if (equals == std::string::npos || trimmed(line.substr(0, equals)) != name) continue;
    for (const std::string& value : split(line.substr(equals + 1), ',')) {
      values.push_back(trimmed(value));
    }
  }
  return values;
}

/// What `wg setconf` takes: without the lines that are wg-quick's alone.
std::string without_quick_lines(const std::string& config) {
  std::string rest;
  for (const std::string& line : split(config, '\n')) {
    const std::string name = trimmed(line.substr(0, line.find('=')));
    if (name != "Address" && name != "DNS" && name != "MTU") rest += line + "\n";
  }
  return rest;
}

std::atomic<unsigned> hosts_made = 0;

}  // namespace

seen_peers look_at(const std::string& interface) {
  const auto lines = split(must_run({"wg", "show", interface, "dump"}), '\n');
  seen_peers peers;
  // The first line is the device's own.
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const auto words = split(lines[i], '\t');
    if (words.size() != 8) throw std::runtime_error("wg show: " + lines[i]);
    seen_peer& peer = peers[words[0]];
    peer.preshared_key = words[1];
    peer.endpoint = words[2];
    for (const std::string& each : split(words[3], ',')) {
      if (each != "(none)") peer.allowed_ips.insert(each);
    }
    peer.last_handshake = std::stoll(words[4]);
  }
  return peers;
}

pid_t userspace_process(const std::string& interface) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = "/var/run/wireguard/" + interface + ".sock";
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ucred who{};
  socklen_t size = sizeof who;
  const bool there =
      ::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
      ::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0;
  ::close(socket);
  return there ? who.pid : 0;
}

unsigned index_of(const std::string& interface) {
  return ::if_nametoindex(interface.c_str());
}

void remove_device(const std::string& interface) {
  const pid_t process = userspace_process(interface);
  if (process != 0) ::kill(process, SIGKILL);
  if (process == 0 && index_of(interface) != 0) {
    // The kernel waits for each peer.
    const finished gone =
        run({.words = {"ip", "link", "delete", interface}, .environment = {}, .network = {}}, 60s);
    if (gone.status != 0) throw std::runtime_error("ip link delete: " + gone.err);
  }
  if (!eventually(5s, [&] { return index_of(interface) == 0; })) {
    throw std::runtime_error(interface + " does not go away");
  }
}

client_host::client_host() {
  const std::string number = std::to_string(++hosts_made);
  name_ = "client" + number;
  interface_ = "wgclient" + number;
  subnet_ = "10.99." + number + ".";
  const std::string cable = "cable" + number;
  must_run({"ip", "netns", "add", name_});
  must_run({"ip", "link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", name_});
  must_run({"ip", "address", "add", subnet_ + "1/24", "dev", cable});
  must_run({"ip", "link", "set", cable, "up"});
  must_run({"ip", "link", "set", "lo", "up"}, name_);
  must_run({"ip", "address", "add", subnet_ + "2/24", "dev", "eth0"}, name_);
  must_run({"ip", "link", "set", "eth0", "up"}, name_);
}

client_host::~client_host() {
  wireguard_.reset();
  run({.words = {"ip", "netns", "delete", name_}, .environment = {}, .network = {}});
}

void client_host::unplug() {
  must_run({"ip", "link", "delete", "eth0"}, name_);
}

void client_host::make_device() {
  const finished made = run({.words = {"ip", "link", "add", interface_, "type", "wireguard"},
                             .environment = {},
                             .network = name_});
  if (made.status == 0) return;
  const program userspace{
      .words = {"wireguard-go", "-f", interface_}, .environment = {}, .network = name_};
  wireguard_ = std::make_unique<process>(userspace, folder() + "/" + interface_ + ".log");
  const bool there = eventually(5s, [&] { return userspace_process(interface_) != 0; });
  if (!there) throw std::runtime_error("the client's wireguard-go does not listen");
}

void client_host::connect(const std::string& config_file) {
  make_device();
  const std::string config = text_of_file(config_file);
  const std::string stripped = folder() + "/" + interface_ + ".conf";
  std::ofstream(stripped) << without_quick_lines(config);
  must_run({"wg", "setconf", interface_, stripped}, name_);
  for (const std::string& each : values_of(config, "Address")) {
    must_run({"ip", "address", "add", each, "dev", interface_}, name_);
  }
  must_run({"ip", "link", "set", interface_, "mtu", "1420", "up"}, name_);
  for (const std::string& each : values_of(config, "AllowedIPs")) {
    must_run({"ip", "route", "add", each, "dev", interface_}, name_);
  }
}

}  // namespace peerage::live
