// The simulated fleet: processes, hosts, the store and the bus, and what a step can do with them.
// Everything that happens is decided by the seed.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/sim/model.h"

namespace peerage::sim {

/// What to run: a seed, so many steps, and what is left out of it.
struct script {
  std::uint64_t seed = 1;
  std::size_t steps = 500;
  std::set<std::size_t> without = {};  // steps that are passed over
  std::set<std::string> never = {};    // kinds of steps that do not happen
};

struct outcome {
  std::optional<violation> broken;
  std::size_t steps = 0;  // that were made
  std::string trace;      // where it was wanted
};

class world {
 public:
  world(const script& what, bool tracing);
  ~world();
  outcome run();
  friend std::vector<std::string> every_kind();

 private:
  struct api_host {
    std::string name;
    std::unique_ptr<api_process> now;
    milliseconds skew{0};
    unsigned lives = 0;
    steady_time jumped{};  // when its calendar jumped; zero: it is right
  };
  struct gateway_place {
    std::unique_ptr<gateway_process> now;
    bool wanted = false;  // its host is on
    unsigned lives = 0;
    steady_time jumped{};  // when its calendar jumped; zero: it is right
  };
  struct late_write {
    std::string process;
    std::string text;
    std::function<bool(dice&)> act;
    steady_time until;
  };
  struct kind {
    const char* name;
    unsigned weight;
    bool (world::*make)();
  };
  static const std::vector<kind>& kinds();

  // set_up.cc
  void choose_world();
  void make_hosts();
  void furnish();
  std::vector<transaction> preload(const gateway_name& on, std::size_t count);

  // world.cc
  const kind& draw();
  void step(std::size_t number);
  void settle_down();
  void accept_removals();
  void let_all_run(bool all);
  void finish_calls();
  void pass(steady_duration by);
  void reap();
  void note(const std::string& text);
  void end_call(const std::shared_ptr<open_call>& one);
  bool store_lost(const std::string& process) const;

  // steps.cc: what a step can be; false where there is nothing of the kind
  bool answer_store();
  bool answer_device();
  bool deliver_message();
  bool pass_time();
  bool crash_api();
  bool crash_gateway();
  bool stop_gateway();
  bool cut_power();
  bool lose_device();
  bool start_process();
  bool toggle_bus();
  bool toggle_store();
  bool cut_off();
  bool jump_clock();
  bool jump_api_clock();
  bool a_clock_is_wrong() const;
  void put_clocks_right();
  bool late_write_arrives();
  bool restore_store();
  bool store_lies();
  bool spoil_ring();
  bool forget_deletions();
  std::uint64_t old_to(const std::string& gateway) const;
  bool run_a_little();
  bool rests(const std::string& text, std::optional<std::size_t>& until);
  bool progress(port where);
  void start_api(api_host& one);
  void start_gateway(const gateway_name& name);
  void kill(std::unique_ptr<gateway_process>& one);
  void kill(std::unique_ptr<api_process>& one);
  void ended(const std::string& process);

  // workload.cc
  bool start_operation();
  bool cancel_operation();
  bool abandon_operation();
  void launch(api_process& on, const std::shared_ptr<operation>& one);
  void wish(operation& one);
  void change_little(enrol_request& wanted);
  public_key fresh_key();
  secret_key fresh_secret();
  public_key some_key();
  api_process* some_api();

  const script what_;
  const bool tracing_;
  outcome out_;
  dice chance_;
  true_time time_;
  open_calls calls_;
  consul_world store_{time_, calls_, chance_};
  bus_world bus_{chance_};
  surroundings around_{chance_, time_, calls_, store_, bus_};
  std::map<gateway_name, gateway_host> hosts_;
  model model_{store_.now, time_, hosts_};

  std::vector<api_host> apis_;
  std::map<gateway_name, gateway_place> gateways_;
  std::vector<network_name> networks_;
  std::map<std::string, unsigned> weights_;  // of the kinds of steps, in this seed
  unsigned mischief_ = 0;
  std::set<std::string> slow_;         // calls and messages that begin so take long
  std::size_t names_ = 9;              // so many a network
  std::vector<public_key> used_keys_;  // that come again
  std::size_t old_keys_ = 0;           // so many of them
  gateway_name spoke_last_;            // to changes
  bool store_away_ = false;
  steady_time clocks_right_since_{};
  std::set<std::string> cut_off_;  // gateways that can't reach it
  std::deque<late_write> late_;
  std::optional<fakes::consul_kv::snapshot> backup_;
  std::vector<std::shared_ptr<operation>> lost_;  // whose answer nobody got; to be tried again
  std::size_t busy_ = 0;                          // so many handlers a process runs at once; 0: all
};

/// Runs it. Anything that throws is a violation too.
outcome run(const script& what, bool tracing);

/// The names of the kinds of steps.
std::vector<std::string> every_kind();

}  // namespace peerage::sim
