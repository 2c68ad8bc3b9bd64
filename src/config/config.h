// The daemon's config and the command's, as values. Anybody may call; both parsers are pure: the
// caller reads the file. The only failure is errc::invalid, one line that names file, line and key.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "model/ip.h"
#include "model/name.h"

namespace peerage {

enum class device_choice { automatic, kernel, userspace };

/// PEM files; empty: not set.
struct tls_files {
  std::string ca, cert, key;
  bool operator==(const tls_files&) const = default;
};

enum class store_kind { sqlite, consul };

struct store_config {
  store_kind kind = store_kind::sqlite;
  std::string path;                               // sqlite: of the database
  std::string address = "http://127.0.0.1:8500";  // consul, and so are the following
  std::string prefix = "peerage/v1/";             // of every key; ends with "/"
  std::string token_file;                         // empty: no token
  tls_files tls;
  bool operator==(const store_config&) const = default;
};

enum class bus_kind { local, nats };

struct bus_config {
  bus_kind kind = bus_kind::local;
  std::vector<std::string> servers{"nats://127.0.0.1:4222"};  // nats, and so are the following
  std::string credentials_file;
  std::string nkey_file;
  tls_files tls;
  bool operator==(const bus_config&) const = default;
};

std::vector<prefix> default_network_ranges();

struct api_config {
  // ADDRESS:PORT, where port 0 is any free one; or unix:/PATH
  std::string listen = "127.0.0.1:7420";
  // Whose X-Forwarded-For is believed: "10.0.0.0/8", an address, or "unix:" for a Unix socket.
  std::vector<std::string> trusted_proxies;
  bool proxy_protocol = false;  // connections of trusted proxies begin with a PROXY header
  // Peers made or changed each second, and twice as many at once after a rest; 0: without a bound.
  std::uint32_t token_creations_per_s = 100;
  std::uint32_t token_reads_per_s = 500;
  std::uint32_t network_reads_per_s = 1'000;
  std::uint32_t network_creations_per_s = 200;
  // At once, and of one IPv4 address or IPv6 /64.
  std::uint32_t connections = 4'096;
  std::uint32_t connections_per_host = 1'024;
  std::uint32_t requests = 1'024;
  std::uint32_t requests_per_host = 512;
  std::string audit_dir;  // by default in state_dir
  std::chrono::days audit_keep{90};
  std::uint64_t audit_max_bytes = 1'000'000'000;
  // What networks may be taken from: unique-local, private (RFC 1918) and shared (RFC 6598) space.
  std::vector<prefix> network_ranges = default_network_ranges();
  tls_files tls;            // no authority: clients show no certificate
  bool plain_http = false;  // without TLS on an address that is not loopback
  bool operator==(const api_config&) const = default;
};

/// One that peers may reach on the gateway's own address.
struct open_port {
  std::string protocol;  // "tcp" or "udp"
  std::uint16_t port = 0;
  bool operator==(const open_port&) const = default;
};

/// What the daemon does about the host's forwarding, without which peers do not reach each other.
enum class forwarding_choice { tell, set, ignore };

struct gateway_config {
  gateway_name name;
  bool named = false;  // by the config; else after the host, at the first start
  region_name region;
  std::optional<std::string> endpoint;  // absent: the daemon looks at the default route
  std::string interface = "wg0";
  std::uint16_t listen_port = 51820;
  std::optional<std::uint32_t> mtu;  // absent: what the uplink leaves, 1420 at most
  device_choice device = device_choice::automatic;
  std::string private_key_file;
  seconds reconcile{30};
  std::string admin_listen = "127.0.0.1:7421";
  bool adopt = false;    // take over an interface that is not marked as ours
  bool firewall = true;  // tenants are kept apart with nftables
  forwarding_choice forwarding = forwarding_choice::tell;
  std::vector<open_port> open;  // beside ICMP echo
  bool operator==(const gateway_config&) const = default;
};

/// An absent section is a role that the process does not have.
struct daemon_config {
  std::string state_dir = "/var/lib/peerage";
  std::string user;  // that a daemon of root's goes on as; empty: "peerage", if it is there
  store_config store;
  bus_config bus;
  std::optional<api_config> api;
  std::optional<gateway_config> gateway;
  std::string text;  // that it was read from; empty: the defaults
  bool operator==(const daemon_config&) const = default;
};

/// Both roles with the defaults. errc::invalid when no gateway's name can be made of `host_name`.
result<daemon_config> default_daemon_config(std::string_view host_name);

/// `source_name` is the file's name for messages: "peeraged.toml:12: unknown key gateway.prot".
/// The error's field is the key, "gateway.prot". A file without any role is refused too.
result<daemon_config> parse_daemon_config(std::string_view toml_text, std::string_view source_name,
                                          std::string_view host_name);

/// The keys that count otherwise, in order: "api.listen"; "gateway" alone where the whole role
/// comes or goes. A default that is spelled out is no change. No values: a server's URL may hold a
/// password.
std::vector<std::string> changed_keys(const daemon_config& before, const daemon_config& after);

/// ~/.config/peerage/config.toml. Empty: not set.
struct client_config {
  std::string server;
  std::string network;
  std::string token_file;
  std::string ca_file;
  bool operator==(const client_config&) const = default;
};

result<client_config> parse_client_config(std::string_view toml_text, std::string_view source_name);

}  // namespace peerage
