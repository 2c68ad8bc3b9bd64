// What the store's calls share. Each call is a coroutine that holds it by a shared pointer, so that
// one under way may outlive the store. On the loop's thread; errors are those of ports/store.h.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "consul/calls.h"
#include "consul/change.h"
#include "consul/store.h"
#include "consul/writer.h"

namespace peerage::consul {

/// A network or a gateway, as creations need it: they hold it at the index that was read.
struct place {
  entry raw;
  std::optional<prefix> ipv4;  // a network's range
};

struct core {
  key_space keys;
  std::shared_ptr<consul::calls> calls;
  std::shared_ptr<consul::writer> writer;
  std::function<void(const std::string&, const std::string&)> on_corrupt;
  // Networks and gateways by key; every transaction proves what it took from here.
  std::map<std::string, place> places;
  std::set<std::string> reported;  // keys of corrupt values

  void report(const std::string& key, const std::string& why);
};

using shared_core = std::shared_ptr<core>;
using found_record = result<std::optional<stored<record>>>;

// commit.cc
task<result<revision>> commit(shared_core self, transaction writes);
// read.cc
task<found_record> get(shared_core self, record_key key);
task<found_record> find_peer(shared_core self, gateway_name gateway, public_key key);
task<result<page>> list(shared_core self, page_query query);
task<result<epoch>> identity(shared_core self);

}  // namespace peerage::consul
