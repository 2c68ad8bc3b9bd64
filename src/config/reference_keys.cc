// One row for each key. The rules that read the keys are in daemon_config.cc and client_config.cc;
// reference_test.cc compares both lists, and each default with what the parsers assume.
#include <array>

#include "config/reference.h"

namespace peerage {
namespace {

using enum takes_effect;

// The columns: section, key, values, default, without it, example, takes effect, description.
constexpr auto general_keys = std::to_array<config_key>({
    {"", "state_dir", "a path", "\"/var/lib/peerage\"", "", "", at_restart,
     "Directory of the process: keys, database, mirror, admin token. Its mode is 0700. One process "
     "has one state_dir; the process locks it while it runs."},
    {"", "user", "the name of a user, or \"root\"; not \"nobody\"", "",
     "`peerage`, where the host has such a user", "\"peerage\"", at_restart,
     "User that the daemon changes to when root has started it. The user has to be able to read "
     "every "
     "file that the configuration names outside the state_dir; otherwise the daemon stays root, "
     "without its capabilities, and logs why. \"root\" keeps it root on purpose."},
});

constexpr auto store_keys = std::to_array<config_key>({
    {"store", "kind", "\"sqlite\" or \"consul\"", "\"sqlite\"", "", "", at_restart,
     "Backend of the store. A process with only one of the roles [api] and [gateway] needs "
     "\"consul\"."},
    {"store", "path", "a path", "", "`STATE_DIR/peerage.db`", "\"/var/lib/peerage/peerage.db\"",
     at_restart, "File of the SQLite database. For store.kind = \"sqlite\" only."},
    {"store", "address", "\"http://HOST:PORT\" or \"https://HOST:PORT\"",
     "\"http://127.0.0.1:8500\"", "", "", at_restart,
     "Consul's HTTP API: the Consul agent of the same host, or https with ca_file."},
    {"store", "prefix", "text that ends with / and does not begin with one", "\"peerage/v1/\"", "",
     "", at_restart, "Prefix of every key in Consul."},
    {"store", "token_file", "a path", "", "no token is sent", "\"/etc/peerage/consul-token\"",
     contents_on_reload,
     "File with the Consul token, mode 0600 or 0640. An API process needs the policy "
     "packaging/consul/api.hcl, a gateway packaging/consul/agent.hcl."},
    {"store", "ca_file", "a path of a PEM file", "", "the system's authorities",
     "\"/etc/peerage/ca.pem\"", contents_on_reload,
     "Authorities that have signed the certificate of an https:// address."},
    {"store", "cert_file", "a path of a PEM file", "", "no client certificate is shown",
     "\"/etc/peerage/consul.pem\"", contents_on_reload,
     "Client certificate for Consul. Needs key_file."},
    {"store", "key_file", "a path of a PEM file", "", "no client certificate is shown",
     "\"/etc/peerage/consul.key\"", contents_on_reload,
     "Private key of cert_file, mode 0600 or 0640."},
});

constexpr auto bus_keys = std::to_array<config_key>({
    {"bus", "kind", "\"local\" or \"nats\"", "\"local\"", "", "", at_restart,
     "Backend of the bus. \"local\" connects the API and the gateway of one process; a process "
     "with only one of the roles needs \"nats\"."},
    {"bus", "servers", "a list of 1 to 64 URLs, nats:// or tls://", "[\"nats://127.0.0.1:4222\"]",
     "", "", at_restart,
     "NATS servers; of a cluster, all of them. The process connects to one that answers."},
    {"bus", "credentials_file", "a path", "", "no credentials are sent",
     "\"/etc/peerage/nats.creds\"", contents_on_reload,
     "NATS credentials (JWT and seed), used by the next connection."},
    {"bus", "nkey_file", "a path", "", "no nkey is used", "\"/etc/peerage/nats.nkey\"",
     contents_on_reload,
     "NATS nkey, used by the next connection. `peeraged --new-nkey FILE` makes one and prints the "
     "public key for packaging/nats/nats.conf."},
    {"bus", "ca_file", "a path of a PEM file", "", "the system's authorities",
     "\"/etc/peerage/ca.pem\"", contents_on_reload,
     "Authorities that have signed the certificates of tls:// servers."},
    {"bus", "cert_file", "a path of a PEM file", "", "no client certificate is shown",
     "\"/etc/peerage/nats.pem\"", contents_on_reload,
     "Client certificate for NATS. Needs key_file."},
    {"bus", "key_file", "a path of a PEM file", "", "no client certificate is shown",
     "\"/etc/peerage/nats.key\"", contents_on_reload, "Private key of cert_file."},
});

constexpr auto api_keys = std::to_array<config_key>({
    {"api", "listen", "\"ADDRESS:PORT\" with an IP address, or \"unix:/PATH\"",
     "\"127.0.0.1:7420\"", "", "", at_restart,
     "Where the HTTP API listens. An address other than loopback needs cert_file and key_file, or "
     "plain_http = true. Port 0 takes any free port."},
    {"api", "cert_file", "a path of a PEM file", "", "the API serves HTTP without TLS",
     "\"/etc/peerage/api.pem\"", contents_on_reload,
     "Certificate of the API, with its chain. Needs key_file."},
    {"api", "key_file", "a path of a PEM file", "", "the API serves HTTP without TLS",
     "\"/etc/peerage/api.key\"", contents_on_reload, "Private key of cert_file."},
    {"api", "plain_http", "true or false", "false", "", "", at_restart,
     "Permits HTTP without TLS on an address other than loopback. Excludes cert_file."},
    {"api", "trusted_proxies", "a list of at most 64 prefixes, addresses or \"unix:\"", "[]", "",
     "", at_restart,
     "Proxies whose X-Forwarded-For names the client, for the audit log and the limits. \"unix:\" "
     "stands for a proxy that connects to the Unix socket."},
    {"api", "proxy_protocol", "true or false", "false", "", "", at_restart,
     "Connections of trusted_proxies begin with a PROXY header, version 1 or 2. Needs "
     "trusted_proxies."},
    {"api", "token_creations_per_s", "peers a second, 0 to 1,000,000; 0: no limit", "100", "", "",
     at_restart,
     "Creations and changes of peers by one token; twice as many at once after a rest. Beyond it: "
     "429. Each API process counts for itself; an admin token of every network is exempt."},
    {"api", "token_reads_per_s", "units a second, 0 to 1,000,000; 0: no limit", "500", "", "",
     at_restart,
     "Reads by one token: one unit for a call and one for each 4 KiB of its answer; twice as many "
     "at once."},
    {"api", "network_reads_per_s", "units a second, 0 to 1,000,000; 0: no limit", "1000", "", "",
     at_restart, "Reads by all tokens of one network, counted like token_reads_per_s."},
    {"api", "network_creations_per_s", "peers a second, 0 to 1,000,000; 0: no limit", "200", "", "",
     at_restart, "Creations and changes of peers in one network; twice as many at once."},
    {"api", "connections", "1 to 1,000,000", "4096", "", "", at_restart,
     "Connections at once. The daemon lowers it where the system permits too few open files."},
    {"api", "connections_per_host", "1 to 1,000,000", "1024", "", "", at_restart,
     "Connections at once of one host: an IPv4 address or an IPv6 /64."},
    {"api", "requests", "1 to 1,000,000", "1024", "", "", at_restart,
     "Requests in progress at once. Beyond it: 503."},
    {"api", "requests_per_host", "1 to 1,000,000", "512", "", "", at_restart,
     "Requests in progress at once of one host. Beyond it: 429."},
    {"api", "network_ranges", "a list of 1 to 64 prefixes",
     "[\"fd00::/8\", \"10.0.0.0/8\", \"172.16.0.0/12\", \"192.168.0.0/16\", \"100.64.0.0/10\"]", "",
     "", at_restart,
     "Ranges that networks may be made in. A network outside them is refused with 400."},
    {"api", "audit_dir", "a path", "", "`STATE_DIR/audit`", "\"/var/log/peerage\"", at_restart,
     "Directory of the audit log: one file of JSON lines a day."},
    {"api", "audit_keep_days", "days, 1 to 3,650", "90", "", "", at_restart,
     "Days after which a file of the audit log is removed."},
    {"api", "audit_max_mb", "megabytes, 1 to 1,000,000", "1000", "", "", at_restart,
     "Size of all files of the audit log together. Beyond it the oldest days are removed."},
});

constexpr auto gateway_keys = std::to_array<config_key>({
    {"gateway", "name", "a label: 1 to 63 of a-z, 0-9 and -", "",
     "made from the host's name at the first start and kept in the state_dir", "\"gw-fra-1\"",
     at_restart, "Name of the gateway. One process owns a name; a second one does not start."},
    {"gateway", "region", "a label: 1 to 63 of a-z, 0-9 and -", "\"local\"", "", "", at_restart,
     "Region of the gateway, which creations may ask for. A changed region counts after "
     "`peerage gateways accept NAME`."},
    {"gateway", "endpoint", "\"ADDRESS:PORT\" or \"HOST:PORT\"", "",
     "the source address of the default route, with listen_port", "\"203.0.113.7:51820\"",
     at_restart,
     "Endpoint that peers connect to. A changed endpoint counts after `peerage gateways accept "
     "NAME`, and peers need new files."},
    {"gateway", "interface", "1 to 15 of a-z, A-Z, 0-9 and _=+.-", "\"wg0\"", "", "", at_restart,
     "Network interface of the gateway. The daemon makes it and marks it with an alias; it refuses "
     "an interface without its mark, unless adopt is true."},
    {"gateway", "listen_port", "UDP port, 1 to 65,535", "51820", "", "", at_restart,
     "Port of the WireGuard device."},
    {"gateway", "adopt", "true or false", "false", "", "", at_restart,
     "Takes over an existing interface with its addresses, routes, key and peers."},
    {"gateway", "mtu", "bytes, 1,280 to 65,455", "",
     "the MTU of the uplink less 80 (60 where the endpoint is an IPv4 address), at most 1420",
     "1420", at_restart,
     "MTU of the interface. Files for peers name it where it differs from 1420."},
    {"gateway", "device", "\"auto\", \"kernel\" or \"userspace\"", "\"auto\"", "", "", at_restart,
     "WireGuard of the kernel, or wireguard-go, which the daemon starts and supervises. \"auto\" "
     "takes the kernel's where there is one."},
    {"gateway", "private_key_file", "a path", "", "`STATE_DIR/gateway.key`, made when absent",
     "\"/etc/peerage/gateway.key\"", contents_on_reload,
     "Private key of the gateway. With another key every peer of the gateway needs a new file."},
    {"gateway", "reconcile_s", "seconds, 1 to 86,400", "30", "", "", at_restart,
     "Interval of the full comparison of device state and desired state. A comparison that takes "
     "long makes the interval longer: at least 20 times its duration."},
    {"gateway", "firewall", "true or false", "true", "", "", at_restart,
     "Keeps networks apart on this host with an nftables table of its own."},
    {"gateway", "open", "a list of at most 64 of \"tcp/PORT\" and \"udp/PORT\"", "[]", "", "",
     at_restart,
     "Ports of the gateway's own address that peers may reach. ICMP echo is always permitted."},
    {"gateway", "forwarding", "\"tell\", \"set\" or \"ignore\"", "\"tell\"", "", "", at_restart,
     "What the daemon does where the host does not forward between peers: report it, switch it on, "
     "or nothing."},
    {"gateway", "admin_listen", "\"ADDRESS:PORT\" with an IP address, or \"unix:/PATH\"",
     "\"127.0.0.1:7421\"", "", "", at_restart,
     "Where a process without [api] serves /healthz, /readyz and /metrics: without TLS, without "
     "tokens. They name gateways and counts; they change nothing."},
});

template <class... Tables>
constexpr auto joined(const Tables&... tables) {
  std::array<config_key, (std::tuple_size_v<Tables> + ...)> all{};
  std::size_t next = 0;
  const auto append = [&](const auto& table) {
    for (const config_key& each : table) all.at(next++) = each;
  };
  (append(tables), ...);
  return all;
}

constexpr auto daemon_keys = joined(general_keys, store_keys, bus_keys, api_keys, gateway_keys);

constexpr auto client_keys = std::to_array<config_key>({
    {"", "server", "a URL, or unix:/PATH", "", "the API of this host",
     "\"https://api.example.net:7420\"", at_restart,
     "API that the command calls. --server and PEERAGE_SERVER override it."},
    {"", "network", "a label: 1 to 63 of a-z, 0-9 and -", "", "the command asks the server",
     "\"acme\"", at_restart, "Network. --network and PEERAGE_NETWORK override it."},
    {"", "token_file", "a path; ~/ stands for the home directory", "",
     "the daemon's own token, at the default server", "\"~/.config/peerage/token\"", at_restart,
     "File with the token. --token-file and PEERAGE_TOKEN override it."},
    {"", "ca_file", "a path of a PEM file", "", "the system's authorities",
     "\"/etc/peerage/ca.pem\"", at_restart,
     "Authorities that have signed the API's certificate. --ca-file overrides it."},
});

}  // namespace

std::span<const config_key> daemon_config_keys() {
  return daemon_keys;
}

std::span<const config_key> client_config_keys() {
  return client_keys;
}

}  // namespace peerage
