#include <algorithm>
#include <map>
#include <type_traits>

#include "config/config.h"

namespace peerage {
namespace {

/// What a process runs with, key by key, whether the file says it or not.
class effective {
 public:
  /// `moved`: a path that follows from the state_dir is no text of its own, since it moves with it.
  effective(const daemon_config& config, bool moved) : state_dir_(config.state_dir), moved_(moved) {
    add("state_dir", config.state_dir);
    add("user", config.user.empty() ? "peerage" : config.user);
    add_store(config.store);
    add_bus(config.bus);
    if (config.api) add_api(*config.api);
    if (config.gateway) add_gateway(*config.gateway);
  }
  const std::map<std::string, std::string>& all() const { return all_; }

 private:
  template <class Value>
  void add(const char* key, const Value& value) {
    if constexpr (std::is_convertible_v<Value, std::string>) {
      all_[key] = value;
    } else {
      all_[key] = std::to_string(static_cast<std::uint64_t>(value));
    }
  }
  void add_list(const char* key, const std::vector<std::string>& list) {
    std::string& text = all_[key];
    for (const std::string& each : list) text += std::to_string(each.size()) + ":" + each;
  }
  void add_path(const char* key, const std::string& path, const char* usual) {
    add(key, moved_ && path == state_dir_ + usual ? usual : path);
  }

  void add_store(const store_config& store) {
    add("store.kind", store.kind);
    if (store.kind == store_kind::sqlite) {
      return add_path("store.path", store.path, "/peerage.db");
    }
    add("store.address", store.address);
    add("store.prefix", store.prefix);
    add("store.token_file", store.token_file);
    add("store.ca_file", store.tls.ca);
    add("store.cert_file", store.tls.cert);
    add("store.key_file", store.tls.key);
  }
  void add_bus(const bus_config& bus) {
    add("bus.kind", bus.kind);
    if (bus.kind == bus_kind::local) return;
    add_list("bus.servers", bus.servers);
    add("bus.credentials_file", bus.credentials_file);
    add("bus.nkey_file", bus.nkey_file);
    add("bus.ca_file", bus.tls.ca);
    add("bus.cert_file", bus.tls.cert);
    add("bus.key_file", bus.tls.key);
  }
  void add_api(const api_config& api) {
    add("api", "");
    add("api.listen", api.listen);
    add_list("api.trusted_proxies", api.trusted_proxies);
    add("api.proxy_protocol", api.proxy_protocol);
    add("api.token_creations_per_s", api.token_creations_per_s);
    add("api.token_reads_per_s", api.token_reads_per_s);
    add("api.network_reads_per_s", api.network_reads_per_s);
    add("api.network_creations_per_s", api.network_creations_per_s);
    add("api.connections", api.connections);
    add("api.connections_per_host", api.connections_per_host);
    add("api.requests", api.requests);
    add("api.requests_per_host", api.requests_per_host);
    std::vector<std::string> ranges;
    for (const prefix& each : api.network_ranges) ranges.push_back(each.text());
    add_list("api.network_ranges", ranges);
    add_path("api.audit_dir", api.audit_dir, "/audit");
    add("api.audit_keep_days", api.audit_keep.count());
    add("api.audit_max_mb", api.audit_max_bytes);
    add("api.cert_file", api.tls.cert);
    add("api.key_file", api.tls.key);
    add("api.plain_http", api.plain_http);
  }
  void add_gateway(const gateway_config& gateway) {
    add("gateway", "");
    add("gateway.name", gateway.name.text());
    add("gateway.region", gateway.region.text());
    add("gateway.endpoint", gateway.endpoint.value_or(""));
    add("gateway.interface", gateway.interface);
    add("gateway.listen_port", gateway.listen_port);
    add("gateway.mtu", gateway.mtu.value_or(0));
    add("gateway.device", gateway.device);
    add_path("gateway.private_key_file", gateway.private_key_file, "/gateway.key");
    add("gateway.reconcile_s", gateway.reconcile.count());
    add("gateway.admin_listen", gateway.admin_listen);
    add("gateway.adopt", gateway.adopt);
    add("gateway.firewall", gateway.firewall);
    add("gateway.forwarding", gateway.forwarding);
    std::vector<std::string> open;
    for (const open_port& each : gateway.open) {
      open.push_back(each.protocol + "/" + std::to_string(each.port));
    }
    add_list("gateway.open", open);
  }

  const std::string& state_dir_;
  bool moved_;
  std::map<std::string, std::string> all_;
};

/// "api" of "api.listen".
std::string section_of(const std::string& key) {
  return key.substr(0, key.find('.'));
}

bool differ(const effective& one, const effective& other, const std::string& key) {
  const auto a = one.all().find(key), b = other.all().find(key);
  if (a == one.all().end() || b == other.all().end()) return true;
  return a->second != b->second;
}

}  // namespace

std::vector<std::string> changed_keys(const daemon_config& before, const daemon_config& after) {
  const effective old(before, false), now(after, false);
  const effective old_moved(before, true), now_moved(after, true);
  std::map<std::string, std::string> every = old.all();
  every.insert(now.all().begin(), now.all().end());
  std::vector<std::string> names;
  for (const auto& [key, value] : every) {
    const std::string section = section_of(key);
    // A role that comes or goes has all its keys with it.
    if (key != section && std::ranges::find(names, section) != names.end()) continue;
    if (differ(old, now, key) && differ(old_moved, now_moved, key)) names.push_back(key);
  }
  return names;
}

}  // namespace peerage
