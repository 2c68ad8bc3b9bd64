// What happens to the fleet: what hosts, networks and people do, drawn from a seed, a few at a
// time. Each fault is ended again; what it has in hand is in nobody else's meanwhile.
#pragma once

#include <chrono>
#include <functional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "tests/chaos/fleet.h"
#include "tests/chaos/report.h"

namespace peerage::chaos {

/// The names of all kinds, for --only.
std::vector<std::string> every_fault();

class faults {
 public:
  /// `only`: kinds that happen; empty: all.
  faults(fleet& on, report& into, unsigned seed, std::set<std::string> only);

  /// Ends what is over, and begins another where less than three are under way.
  void work();
  /// Ends all; starts what does not run.
  void end_all();
  /// Starts again what ended by itself, and says so.
  void watch_over();

 private:
  struct under_way {
    std::string text;
    std::set<std::string> has;  // in hand
    std::chrono::steady_clock::time_point until;
    std::function<void()> end;
  };
  struct kind {
    const char* name;
    unsigned weight;
    void (faults::*begin)();
  };
  static const std::vector<kind>& kinds();
  friend std::vector<std::string> every_fault();

  void freeze();
  void kill();
  void stop();
  void stop_leader();
  void cut();
  void isolate();
  void bad_line();
  void delete_token();
  void hide_peers();
  void restore_snapshot();
  void move_clock();
  void start_with_wrong_clock();
  void fill_disk();
  void lose_device();
  void freeze_device();
  void power_cut();

  /// False where somebody else has one of them in hand.
  bool begin(const std::string& text, std::set<std::string> has, std::chrono::milliseconds lasts,
             const std::function<void()>& start, std::function<void()> end);
  void finish(under_way& one);
  party& any(std::vector<role> of);
  std::chrono::milliseconds some_time(unsigned at_least_ms, unsigned at_most_ms);
  unsigned chance(unsigned below) { return static_cast<unsigned>(random_() % below); }

  fleet& on_;
  report& report_;
  std::mt19937 random_;
  const std::set<std::string> only_;
  std::vector<under_way> now_;
  std::chrono::steady_clock::time_point next_;
};

}  // namespace peerage::chaos
