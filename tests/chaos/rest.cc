#include "tests/chaos/rest.h"

#include <thread>

#include "consul/codec.h"
#include "tests/conformance/raw_keys.h"

namespace peerage::chaos {
namespace {

using namespace std::chrono_literals;

// Longer than a wrong clock keeps anybody from removing what has expired (two minutes' history).
constexpr auto healed_within = 150s;

std::set<std::string> prefixes_of(const json::object& peer) {
  std::set<std::string> all;
  for (const auto& each : peer.at("addresses").as_array()) all.insert(each.as_string().c_str());
  return all;
}

/// What an API process lists, by network and name. Throws where it does not answer.
std::map<std::string, json::object> all_peers(fleet& on, std::size_t api) {
  std::map<std::string, json::object> all;
  live::caller caller = on.call(api);
  for (const char* network : {"acme", "tight"}) {
    for (auto& [name, peer] : caller.peers_of(network))
      all.emplace(std::string(network) + "/" + name, std::move(peer));
  }
  return all;
}

/// Why the fleet has not healed yet; empty where it has.
std::string ailment(fleet& on) {
  std::optional<std::map<std::string, json::object>> first;
  for (std::size_t api = 0; api < on.apis(); ++api) {
    const std::string by = "api-" + std::to_string(api + 1);
    const auto gateways = on.call(api).call("GET", "/v1/gateways");
    for (const auto& each : gateways["items"].as_array()) {
      if (!each.at("live").as_bool()) return by + " finds not live: " + json::serialize(each);
    }
    auto seen = all_peers(on, api);
    for (const auto& [name, peer] : seen) {
      if (peer.at("state").as_string() != "live")
        return by + " lists " + name + " so: " + json::serialize(peer);
    }
    const auto ready = on.call(api).call("GET", "/readyz");
    if (ready.status != 200 || ready.text.find("\"away\":[]") == std::string::npos)
      return by + " is not ready: " + ready.text;
    for (auto& [name, peer] : seen) peer.erase("live_at");  // each knows its own
    if (first && *first != seen) return by + " lists other peers than api-1";
    first = std::move(seen);
  }
  for (const party* gateway : on.with(role::gateway)) {
    device_look wanted;
    for (const auto& [name, peer] : *first) {
      if (peer.at("gateway").as_object().at("name").as_string() == gateway->name)
        wanted[peer.at("public_key").as_string().c_str()] = prefixes_of(peer);
    }
    const auto device = on.look(gateway->name);
    if (!device) return "the device of " + gateway->name + " does not answer";
    for (const auto& [key, ips] : wanted) {
      const auto found = device->find(key);
      if (found == device->end()) return gateway->name + " lacks " + key;
      if (found->second != ips) return gateway->name + " has other addresses for " + key;
    }
    for (const auto& [key, ips] : *device) {
      if (!wanted.contains(key)) return gateway->name + " has " + key + ", which is not listed";
    }
  }
  return {};
}

/// What an operator does once he has looked at a store that was restored.
void accept_removals(fleet& on) {
  for (const party* gateway : on.with(role::gateway))
    on.call(0).attempt("POST", "/v1/gateways/" + gateway->name + "/accept-removals");
}

/// Disagreements in the keys themselves.
std::string disagreement(fleet& on) {
  const auto answer = on.consul("GET", "/v1/kv/peerage/v1/?recurse&consistent");
  const auto all = consul::read_entries(answer.body);
  if (!all) return "the keys can't be read: " + all.error().message;
  const auto wrong = conformance::disagreements(*all, "peerage/v1/");
  return wrong.empty() ? "" : std::to_string(wrong.size()) + " disagree: " + wrong.front();
}

/// Until `look` finds nothing wrong, or the time is over: what it found last.
template <class Look>
std::string await_nothing(std::chrono::seconds limit, Look look) {
  const auto until = std::chrono::steady_clock::now() + limit;
  for (;;) {
    std::string wrong;
    try {
      wrong = look();
    } catch (const std::exception& failed) {
      wrong = failed.what();
    }
    if (wrong.empty() || std::chrono::steady_clock::now() >= until) return wrong;
    std::this_thread::sleep_for(300ms);
  }
}

}  // namespace

void check_at_rest(fleet& on, report& into, bool restored, const std::function<void()>& meanwhile) {
  const auto begun = std::chrono::steady_clock::now();
  const std::string keys = await_nothing(20s, [&] { return disagreement(on); });
  if (!keys.empty()) into.broken("the keys", keys);
  const std::string ails = await_nothing(healed_within, [&] {
    meanwhile();
    std::string wrong = ailment(on);
    if (restored && !wrong.empty()) accept_removals(on);
    return wrong;
  });
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  if (!ails.empty()) into.broken("the fleet, at rest", ails);
  into.note("the fleet", "has healed within " + std::to_string(took.count()) + " s");
}

}  // namespace peerage::chaos
