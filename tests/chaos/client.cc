#include "tests/chaos/client.h"

#include <future>
#include <thread>

namespace peerage::chaos {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

// A peer with a ttl is not looked for in the last moments of it: a process whose clock is wrong
// goes by the gateways' clocks, as they were when their heartbeats were sent.
constexpr auto near_its_end = 10s;

std::set<std::string> addresses_of(const json::object& peer) {
  std::set<std::string> all;
  for (const auto& each : peer.at("addresses").as_array()) all.insert(each.as_string().c_str());
  return all;
}

std::string text_of(const json::object& of, const char* member) {
  return of.at(member).as_string().c_str();
}

std::string gateway_of(const json::object& peer) {
  return text_of(peer.at("gateway").as_object(), "name");
}

/// The peer of a PUT is not there: without a key it can't be made.
bool is_missing(const result<live::answer>& said) {
  return said &&
         (said->status == 404 ||
          (said->status == 400 && said->text.find("public_key: is missing") != said->text.npos));
}

std::string shortened(const std::string& text) {
  return text.substr(0, 300);
}

}  // namespace

client::client(fleet& on, report& into, unsigned number, unsigned seed)
    : on_(on), report_(into), called_("client-" + std::to_string(number)), random_(seed) {
  for (std::size_t i = 0; i < on.apis(); ++i) apis_.emplace_back(on.url(i), on.token());
}

client::moment client::now() const {
  return {on_.devices_lost, on_.restored, steady_clock::now()};
}

bool client::past_came_back(const moment& before) const {
  return before.restored % 2 == 1 || on_.restored != before.restored;
}

/// A device may lack what is live: it was lost meanwhile, the past came back, or the peer expires.
bool client::excused(const moment& before, const held& mine) const {
  const bool expiring = mine.expires && steady_clock::now() > *mine.expires - near_its_end;
  return on_.devices_lost != before.devices_lost || past_came_back(before) || expiring;
}

std::string client::target(const std::string& name, const held& mine) const {
  return "/v1/networks/" + mine.network + "/peers/" + name;
}

std::string client::some_key() {
  if (free_keys_.empty() || chance(3) > 0) return live::new_public_key();
  const std::string key = free_keys_.back();
  free_keys_.pop_back();
  return key;
}

held* client::some(held::is which, std::string& name) {
  std::vector<std::string> names;
  for (const auto& [each, mine] : peers_) {
    if (mine.now == which) names.push_back(each);
  }
  if (names.empty()) return nullptr;
  name = names[chance(static_cast<unsigned>(names.size()))];
  return &peers_.at(name);
}

void client::work() {
  if (learned_at_ != on_.restored) return learn_anew();
  std::string name;
  const unsigned what = chance(100);
  if (what < 8) return list(chance(3) == 0 ? "tight" : "acme");
  if (what < 12) {
    // One of which nothing is known is got rid of, or not.
    held* unsure = some(held::is::unsure, name);
    if (unsure != nullptr) (void)ask("DELETE", target(name, *unsure));
    return;
  }
  held* mine = some(held::is::there, name);
  std::size_t there = 0;
  for (const auto& [each, one] : peers_) there += one.now == held::is::there ? 1 : 0;
  if (mine == nullptr || (what < 50 && there < 12)) return create();
  if (what < 70) return change(name, *mine);
  if (what < 84) return read(name, *mine);
  remove(name, *mine);
}

client::told client::ask(const char* method, const std::string& target, const json::value& body) {
  asked_ = chance(static_cast<unsigned>(apis_.size()));
  if (trouble_) std::this_thread::sleep_for(100ms);
  auto said = apis_[asked_].attempt(method, target, body);
  const std::string words = std::string(method) + " " + target + " " +
                            (body.is_null() ? "" : json::serialize(body)) + " by api-" +
                            std::to_string(asked_ + 1) + ": ";
  report_.count(std::string(method) + " " +
                (said ? std::to_string(said->status) : std::string("no answer")));
  report_.note(called_, words + (said ? std::to_string(said->status) + " " + shortened(said->text)
                                      : said.error().message));
  trouble_ = !said || said->status == 503;
  if (!said) return said;
  // The caller, who does nothing wrong, is never told so.
  const int status = is_missing(said) ? 404 : said->status;
  if (status == 400 || status == 401 || status == 403 || status == 500 || status == 413) {
    report_.broken(called_, words + std::to_string(status) + " " + said->text);
  }
  return said;
}

/// By two API processes at once: the answer of the one that did it, or may have.
client::told client::ask_twice(const char* method, const std::string& target) {
  const std::size_t other = chance(static_cast<unsigned>(apis_.size()));
  auto second = std::async(std::launch::async, [this, other, method, target] {
    auto also = on_.call(other);
    return also.attempt(method, target);
  });
  auto first = ask(method, target);
  auto also = second.get();
  report_.note(called_, std::string(method) + " " + target + " also by api-" +
                            std::to_string(other + 1) + ": " +
                            (also ? std::to_string(also->status) : also.error().message));
  const auto rank = [](const told& said) {
    if (said && said->status < 300) return 0;
    return !said || said->status == 504 ? 1 : 2;
  };
  return rank(also) < rank(first) ? std::move(also) : std::move(first);
}

void client::create() {
  const std::string name = called_ + "-" + std::to_string(++made_);
  held& mine = peers_[name];
  mine.network = chance(3) == 0 ? "tight" : "acme";
  mine.key = some_key();
  json::object body{{"name", name}, {"public_key", mine.key}, {"wait_ms", 1'500}};
  const unsigned lasting = chance(4);
  std::optional<std::chrono::seconds> ttl;
  if (lasting == 0) ttl = std::chrono::seconds(1 + chance(3));
  if (lasting == 1) ttl = 3600s;
  if (ttl) body["ttl_s"] = ttl->count();
  if (chance(2) == 0) body["gateway"] = chance(2) == 0 ? "gw-1" : "gw-2";
  const moment before = now();
  if (ttl) mine.expires = before.at + *ttl;
  const auto said = ask("POST", "/v1/networks/" + mine.network + "/peers", body);
  const bool refused = said && said->status >= 400 && said->status != 504;
  if (refused) {
    mine.now = held::is::gone;
    if (said->status != 409) free_keys_.push_back(mine.key);
    return;
  }
  take(before, name, mine, said);
}

void client::take(const moment& before, const std::string& name, held& mine, const told& said) {
  const bool done = said && said->status < 300;
  if (!done || past_came_back(before)) {
    mine.now = held::is::unsure;
    return;
  }
  const json::object& peer = said->body.as_object();
  mine.now = held::is::there;
  mine.gateway = gateway_of(peer);
  mine.addresses = addresses_of(peer);
  if (text_of(peer, "public_key") != mine.key) {
    report_.broken(called_, name + " has another key: " + said->text);
  }
  const bool live = text_of(peer, "state") == "live";
  if (live != (said->status != 202)) {
    report_.broken(called_, name + ": " + std::to_string(said->status) + " with " + said->text);
  }
  if (live) expect_on_device(before, name, mine);
}

void client::change(const std::string& name, held& mine) {
  const moment before = now();
  json::object body{{"wait_ms", 1'500}};
  const std::string old = mine.key;
  const unsigned what = chance(4);
  if (what == 0) body["ttl_s"] = 3'600;
  if (what == 1) body["gateway"] = mine.gateway == "gw-1" ? "gw-2" : "gw-1";
  if (what >= 2) {
    mine.key = some_key();
    body["public_key"] = mine.key;
  }
  const auto said = ask("PUT", target(name, mine), body);
  const bool missing = is_missing(said) || (said && said->status == 201);
  if (missing && !excused(before, mine)) {
    report_.broken(called_, name + " is not there any more: " + said->text);
  }
  if (said && said->status >= 400 && said->status != 504) {
    if (is_missing(said)) mine.now = held::is::unsure;
    if (mine.key != old && said->status != 409) free_keys_.push_back(mine.key);
    mine.key = old;
    return;
  }
  if (what == 0) mine.expires = before.at + 3600s;
  if (said && said->status == 201) mine.expires.reset();
  take(before, name, mine, said);
  if (mine.now != held::is::there || mine.key == old || said->status != 200) return;
  expect_on_no_device(before, name, old);
  free_keys_.push_back(old);
}

void client::remove(const std::string& name, held& mine) {
  const moment before = now();
  const auto said =
      chance(3) == 0 ? ask_twice("DELETE", target(name, mine)) : ask("DELETE", target(name, mine));
  if (said && (said->status == 204 || said->status == 202)) {
    mine.now = past_came_back(before) ? held::is::unsure : held::is::gone;
    if (said->status == 202) return;
    expect_on_no_device(before, name, mine.key);
    if (mine.now == held::is::gone) free_keys_.push_back(mine.key);
    return;
  }
  if (said && said->status == 404 && !excused(before, mine)) {
    report_.broken(called_, name + " is not there any more: " + said->text);
  }
  if (!said || said->status == 404 || said->status == 504) mine.now = held::is::unsure;
}

void client::read(const std::string& name, held& mine) {
  const moment before = now();
  const auto said = ask("GET", target(name, mine));
  if (!said || past_came_back(before)) return;
  if (said->status == 404) expect_known("is not there", name, mine, nullptr);
  if (said->status == 404) mine.now = held::is::unsure;
  if (said->status != 200) return;
  expect_known("is another", name, mine, &said->body.as_object());
  check_item(before, asked_, said->body.as_object());
}

/// What the API says of a peer whose fate is known.
void client::expect_known(const std::string& how, const std::string& name, const held& mine,
                          const json::object* seen) {
  if (mine.now != held::is::there) return;
  if (mine.expires && steady_clock::now() > *mine.expires - near_its_end) return;
  if (seen != nullptr && text_of(*seen, "public_key") == mine.key &&
      addresses_of(*seen) == mine.addresses && gateway_of(*seen) == mine.gateway) {
    return;
  }
  report_.broken(called_, name + " " + how + " by api-" + std::to_string(asked_ + 1) + ": " +
                              (seen == nullptr ? "" : json::serialize(*seen)));
}

/// By name, page after page, each from whichever API process; nothing where one did not answer.
std::optional<std::map<std::string, json::object>> client::list_pages(const std::string& network,
                                                                      const moment& before) {
  std::map<std::string, json::object> seen;
  std::string cursor;
  do {
    const auto said =
        ask("GET", "/v1/networks/" + network + "/peers?limit=1000" + std::exchange(cursor, {}));
    if (!said || said->status != 200) return {};
    std::map<std::string, std::optional<device_look>> devices;
    for (const party* each : on_.with(role::gateway)) devices[each->name] = on_.look(each->name);
    for (const auto& each : said->body.at("items").as_array()) {
      const json::object& item = each.as_object();
      seen[text_of(item, "name")] = item;
      const auto& device = devices[gateway_of(item)];
      if (device && !device->contains(text_of(item, "public_key")))
        check_item(before, asked_, item);
    }
    const auto& next = said->body.at("next_cursor");
    if (next.is_string()) cursor = "&cursor=" + std::string(next.as_string());
  } while (!cursor.empty());
  return seen;
}

void client::list(const std::string& network) {
  const moment before = now();
  const auto seen = list_pages(network, before);
  if (!seen || past_came_back(before)) return;
  for (const auto& [name, mine] : peers_) {
    if (mine.network != network) continue;
    const auto found = seen->find(name);
    if (mine.now == held::is::gone && found != seen->end()) {
      report_.broken(called_,
                     name + " is listed, and was removed: " + json::serialize(found->second));
    }
    expect_known(found == seen->end() ? "is not listed" : "is listed as another", name, mine,
                 found == seen->end() ? nullptr : &found->second);
  }
}

/// An item of a list, of whomever: live is on its device, or is not live any more.
void client::check_item(const moment& before, std::size_t api, const json::object& item) {
  if (text_of(item, "state") != "live") return;
  const std::string key = text_of(item, "public_key"), name = text_of(item, "name");
  for (int attempt = 0; attempt < 2; ++attempt) {
    const auto device = on_.look(gateway_of(item));
    if (!device) return;
    const auto on = device->find(key);
    if (on != device->end()) return;
    const auto again =
        apis_[api].attempt("GET", "/v1/networks/" + text_of(item, "network") + "/peers/" + name);
    if (!again || again->status != 200) return;
    const json::object& peer = again->body.as_object();
    const bool same =
        peer.at("revision") == item.at("revision") && text_of(peer, "state") == "live";
    if (!same || on_.devices_lost != before.devices_lost || past_came_back(before)) return;
  }
  report_.broken(called_, "api-" + std::to_string(api + 1) + " says live of what is not on " +
                              gateway_of(item) + ": " + json::serialize(item));
}

void client::expect_on_device(const moment& before, const std::string& name, const held& mine) {
  for (const party* each : on_.with(role::gateway)) {
    const auto device = on_.look(each->name);
    if (!device) continue;
    report_.count("looks at a device");
    const auto found = device->find(mine.key);
    if (each->name != mine.gateway) {
      if (found != device->end() && !past_came_back(before))
        report_.broken(called_, name + " is live on " + mine.gateway + ", and on " + each->name);
      continue;
    }
    const bool right = found != device->end() && found->second == mine.addresses;
    if (right || excused(before, mine)) continue;
    report_.broken(called_, name + " is said to be live, and " + each->name +
                                (found == device->end() ? " does not have its key " + mine.key
                                                        : " has other addresses for it"));
  }
}

void client::expect_on_no_device(const moment& before, const std::string& name,
                                 const std::string& key) {
  for (const party* each : on_.with(role::gateway)) {
    const auto device = on_.look(each->name);
    if (!device || !device->contains(key) || past_came_back(before)) continue;
    report_.broken(called_,
                   name + " is said to be gone, and " + each->name + " has its key " + key);
  }
}

void client::check_all() {
  for (std::size_t api = 0; api < apis_.size(); ++api) {
    for (auto& [name, mine] : peers_) {
      if (mine.now == held::is::unsure) continue;
      const auto said = apis_[api].attempt("GET", target(name, mine));
      asked_ = api;
      if (!said || (said->status != 200 && said->status != 404)) {
        report_.broken(called_, "at rest, api-" + std::to_string(api + 1) + " answers " +
                                    (said ? said->text : said.error().message));
        return;
      }
      const bool there = said->status == 200;
      if (mine.now == held::is::gone && there) {
        report_.broken(called_, name + " was removed, and is there: " + said->text);
      }
      expect_known("at rest, is not what was said", name, mine,
                   there ? &said->body.as_object() : nullptr);
    }
  }
}

void client::learn_anew() {
  if (on_.restored % 2 == 1) {
    // Until it has come back, nothing can be learnt.
    for (auto& [name, mine] : peers_) mine.now = held::is::unsure;
    return;
  }
  for (auto& [name, mine] : peers_) mine.now = held::is::unsure;
  free_keys_.clear();
  learned_at_ = on_.restored;
}

}  // namespace peerage::chaos
