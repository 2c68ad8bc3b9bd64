#include "tests/conformance/raw_keys.h"

#include "consul/change.h"
#include "wire/records.h"

namespace peerage::conformance {

std::vector<std::string> disagreements(const std::vector<consul::entry>& all,
                                       const std::string& prefix) {
  const consul::key_space keys{prefix};
  std::vector<std::string> wrong;
  std::map<std::string, network> networks;
  for (const consul::entry& each : all) {
    if (!each.key.starts_with(keys.networks())) continue;
    if (const auto read = wire::read_network(each.value))
      networks.emplace(read->name.text(), *read);
  }
  std::map<std::string, std::string> wanted;  // key to value
  std::map<std::string, std::uint64_t> counts;
  for (const consul::entry& each : all) {
    if (!each.key.starts_with(prefix + "peers/")) continue;
    const auto one = wire::read_peer(each.value);
    if (!one) {
      wrong.push_back(each.key + " can't be read: " + one.error().message);
      continue;
    }
    if (one->quota) ++counts[keys.quota(one->created_by.text())];
    const auto in = networks.find(one->id.network.text());
    if (in == networks.end()) {
      wrong.push_back(each.key + " is in a network that is not there");
      continue;
    }
    for (auto& key : consul::hanging_keys(keys, *one, in->second.ipv4, routes_of(in->second))) {
      if (!wanted.emplace(key.key, key.value).second) wrong.push_back(key.key + " has two owners");
    }
  }
  for (const consul::entry& each : all) {
    if (!each.key.starts_with(keys.tokens())) continue;
    const auto one = wire::read_token(each.value);
    if (one && !one->network_id.empty()) ++counts[keys.quota(one->network_id)];
  }
  for (const auto& [key, count] : counts) wanted.emplace(key, std::to_string(count));
  for (const consul::entry& each : all) {
    bool hangs = false;
    for (const char* folder : {"at/", "addresses/", "placed/", "expiry/", "quotas/"})
      hangs = hangs || each.key.starts_with(prefix + folder);
    if (!hangs) continue;
    const auto mine = wanted.find(each.key);
    if (mine == wanted.end()) {
      wrong.push_back(each.key + " belongs to no record");
      continue;
    }
    const bool at = each.key.starts_with(prefix + "at/");
    const auto a = at ? wire::read_assignment(each.value) : result<assignment>{};
    const auto b = at ? wire::read_assignment(mine->second) : result<assignment>{};
    const bool same = at ? a && b && a->id == b->id && a->public_key == b->public_key &&
                               a->addresses == b->addresses && a->expires_at == b->expires_at
                         : each.value == mine->second;
    if (!same) wrong.push_back(each.key + " says " + each.value + ", not " + mine->second);
    wanted.erase(mine);
  }
  for (const auto& [key, value] : wanted) wrong.push_back(key + " is missing");
  return wrong;
}

}  // namespace peerage::conformance
