// A client of the fleet: creates, changes, moves, removes, reads and lists its own peers through
// every API process, remembers what it was told, and looks at the devices itself.
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "json/json.h"
#include "tests/chaos/fleet.h"
#include "tests/chaos/report.h"
#include "tests/live/daemon.h"

namespace peerage::chaos {

/// What the answers so far leave known of a peer.
struct held {
  enum class is { there, gone, unsure };
  is now = is::unsure;
  std::string network, key, gateway;
  std::set<std::string> addresses;
  /// When it may expire at the earliest, where it has a ttl.
  std::optional<std::chrono::steady_clock::time_point> expires;
};

class client {
 public:
  client(fleet& on, report& into, unsigned number, unsigned seed);

  /// One operation through some API process, and a look at what it says.
  void work();
  /// Every API process is asked for every peer whose fate is known.
  void check_all();
  /// The past came back: nothing is known any more but what the store says.
  void learn_anew();

  const std::map<std::string, held>& peers() const { return peers_; }

 private:
  using told = result<live::answer>;
  struct moment {  // before an operation
    unsigned devices_lost, restored;
    std::chrono::steady_clock::time_point at;
  };

  void create();
  void change(const std::string& name, held& mine);
  void remove(const std::string& name, held& mine);
  void read(const std::string& name, held& mine);
  std::optional<std::map<std::string, json::object>> list_pages(const std::string& network,
                                                                const moment& before);
  void list(const std::string& network);

  told ask(const char* method, const std::string& target, const json::value& body = nullptr);
  told ask_twice(const char* method, const std::string& target);
  void take(const moment& before, const std::string& name, held& mine, const told& said);
  /// Its gateway's device has it, and no other one does.
  void expect_on_device(const moment& before, const std::string& name, const held& mine);
  void expect_on_no_device(const moment& before, const std::string& name, const std::string& key);
  void check_item(const moment& before, std::size_t api, const json::object& item);
  void expect_known(const std::string& how, const std::string& name, const held& mine,
                    const json::object* seen);

  moment now() const;
  bool excused(const moment& before, const held& mine) const;
  bool past_came_back(const moment& before) const;
  std::string target(const std::string& name, const held& mine) const;
  std::string some_key();
  held* some(held::is which, std::string& name);
  unsigned chance(unsigned below) { return static_cast<unsigned>(random_() % below); }

  fleet& on_;
  report& report_;
  const std::string called_;
  std::mt19937 random_;
  std::deque<live::caller> apis_;
  std::size_t asked_ = 0;  // the API process of the last answer
  bool trouble_ = false;   // at the last answer
  std::size_t made_ = 0;
  unsigned learned_at_ = 0;
  std::map<std::string, held> peers_;
  std::vector<std::string> free_keys_;  // that belong to nobody
};

}  // namespace peerage::chaos
