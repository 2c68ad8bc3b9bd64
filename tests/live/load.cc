#include "tests/live/load.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/live/wireguard.h"

namespace peerage::live {
namespace {

constexpr const char* peers_target = "/v1/networks/acme/peers";
constexpr const char* one_peer = "/v1/networks/acme/peers/";

}  // namespace

load::load(const daemon_under_test& on, unsigned clients, unsigned seed)
    : url_(on.url()), token_(on.admin_token()), clients_(clients) {
  for (unsigned i = 0; i < clients; ++i) {
    clients_[i].prefix = std::string("client-").append(std::to_string(i)).append("-");
    clients_[i].chance.seed(seed + i);
  }
}

void load::start() {
  stopping_ = false;
  for (client& each : clients_) each.thread = beside([this, &each] { work(each); });
}

void load::stop() {
  stopping_ = true;
  join();
}

void load::join() {
  for (client& each : clients_) {
    if (each.thread.joinable()) each.thread.join();
  }
}

void load::work(client& one) {
  caller api(url_, token_);
  for (bool answered = true; answered && !stopping_;) {
    std::vector<memories::iterator> removable;
    for (auto at = one.peers.begin(); at != one.peers.end(); ++at) {
      if (at->second.what == known::there) removable.push_back(at);
    }
    if (removable.empty() || one.chance() % 5 < 3) {
      answered = create(one, api);
    } else {
      answered = remove(api, removable[one.chance() % removable.size()]);
    }
  }
}

/// False when there was no answer.
bool load::heard(const result<answer>& said) {
  if (said) {
    if (said->status < 300) ++done_;
    return true;
  }
  // errc::unavailable: it was refused before anything was sent.
  if (said.error().code != errc::unavailable) ++lost_;
  return false;
}

bool load::create(client& one, caller& api) {
  std::string name = one.prefix;
  name += std::to_string(++one.made);
  memory& mine = one.peers[name];
  mine.public_key = new_public_key();
  const json::object body{{"name", name}, {"public_key", mine.public_key}};
  const auto said = api.attempt("POST", peers_target, body);
  if (!heard(said)) return false;
  if (said->status == 201 || said->status == 202) {
    mine.what = known::there;
    return true;
  }
  EXPECT_EQ(said->status, 503) << name << ": " << said->text;
  mine.what = known::gone;
  return true;
}

bool load::remove(caller& api, memories::iterator which) {
  which->second.what = known::unsure;
  const auto said = api.attempt("DELETE", one_peer + which->first);
  if (!heard(said)) return false;
  if (said->status == 503) {
    which->second.what = known::there;
    return true;
  }
  EXPECT_TRUE(said->status == 204 || said->status == 202) << which->first << ": " << said->text;
  which->second.what = known::gone;
  return true;
}

memories load::told() const {
  memories all;
  for (const client& each : clients_) all.insert(each.peers.begin(), each.peers.end());
  return all;
}

void load::learn(const std::map<std::string, json::object>& store) {
  for (client& each : clients_) {
    for (auto& [name, mine] : each.peers) {
      if (mine.what == known::unsure) mine.what = store.contains(name) ? known::there : known::gone;
    }
  }
}

void expect_device_is_store(const std::string& interface,
                            const std::map<std::string, json::object>& store) {
  std::map<std::string, std::set<std::string>> wanted;
  for (const auto& [name, peer] : store) {
    auto& addresses = wanted[peer.at("public_key").as_string().c_str()];
    for (const json::value& each : peer.at("addresses").as_array()) {
      addresses.insert(each.as_string().c_str());
    }
  }
  // One that is leaving has no allowed IPs any more, and is dropped behind everything else.
  std::map<std::string, std::set<std::string>> found;
  EXPECT_TRUE(eventually(5s, [&] {
    found.clear();
    for (const auto& [key, peer] : look_at(interface)) found[key] = peer.allowed_ips;
    return std::ranges::none_of(found, [](const auto& each) { return each.second.empty(); });
  })) << "peers without addresses stay";
  EXPECT_EQ(found.size(), wanted.size());
  EXPECT_TRUE(found == wanted) << "the device and the store differ";
}

void expect_promises_kept(const memories& told, const std::map<std::string, json::object>& store) {
  for (const auto& [name, mine] : told) {
    const auto found = store.find(name);
    if (mine.what == known::gone) {
      EXPECT_TRUE(found == store.end()) << name << " was removed, and is back";
    } else if (found != store.end()) {
      EXPECT_EQ(found->second.at("public_key").as_string(), mine.public_key) << name;
    } else {
      EXPECT_NE(mine.what, known::there) << name << " was answered for, and is not in the store";
    }
  }
}

}  // namespace peerage::live
