// The simulated bus: messages lie in one heap until the seed delivers, doubles or loses them; some
// requests find nobody and are told so at once. Nothing on it is in any order.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "async/signal.h"
#include "ports/bus.h"
#include "ports/clock.h"
#include "tests/sim/dice.h"

namespace peerage::sim {

struct message {
  std::string text;
  std::function<void()> deliver;                // any number of times
  bool beat = false;                            // a heartbeat: worth less than others
  std::optional<std::size_t> rests_until = {};  // a step
};

/// How a process that may die is reached.
struct reachable {
  std::weak_ptr<bool> alive;
  asio::any_io_executor loop;
};

struct bus_world {
  explicit bus_world(dice& from) : chance(from) {}
  dice& chance;
  bool connected = true;
  unsigned mischief = 0;  // percent of heartbeats that are lost, and of vain requests unanswered
  std::vector<message> under_way;

  struct server {
    reachable at;
    gateway_service* service = nullptr;
  };
  std::map<gateway_name, server> serving;
  std::map<gateway_name, std::weak_ptr<bool>> keys;  // who served it last: its heartbeats count
  std::size_t unheard = 0;  // so many requests find nobody, as before a subscription has arrived
  template <class What>
  struct listener {
    reachable at;
    std::function<void(const What&)> hear;
  };
  std::vector<listener<heartbeat>> beats;
  std::vector<listener<event>> events;
  std::vector<std::function<void()>> cut;  // ends a request whose connection is lost

  // Told of what a gateway says at the moment when it says it, whatever becomes of its words.
  /// Its answer to changes, and what it has of their keys.
  std::function<void(const gateway_name&, const apply_request&, const apply_reply&,
                     const status_reply&)>
      on_applied;
  std::function<void(const gateway_name&, const status_reply&)> on_status;
  std::function<void(const heartbeat&)> on_beat;

  /// Everything under way is lost with it.
  void go_away();
  void forget_dead();
};

class sim_bus final : public bus {
 public:
  sim_bus(bus_world& in, clock& time, reachable self, std::string process)
      : in_(in), time_(time), self_(std::move(self)), process_(std::move(process)) {}

  task<result<apply_reply>> apply(gateway_name to, apply_request request,
                                  steady_time deadline) override;
  task<result<status_reply>> status(gateway_name to, status_request request,
                                    steady_time deadline) override;
  task<result<accept_removals_reply>> accept_removals(gateway_name to,
                                                      steady_time deadline) override;
  result<> serve(gateway_name name, gateway_service& service) override;
  void stop_serving(const gateway_name& name) override { in_.serving.erase(name); }
  void publish(const heartbeat& beat) override;
  void listen(std::function<void(const heartbeat&)> hear) override {
    in_.beats.push_back({self_, std::move(hear)});
  }
  void publish(const event& what) override;
  void listen(std::function<void(const event&)> hear) override {
    in_.events.push_back({self_, std::move(hear)});
  }
  bool connected() const override { return in_.connected; }

 private:
  template <class Reply, class Request>
  task<result<Reply>> ask(gateway_name to, Request request, steady_time deadline, std::string text);
  template <class What>
  void tell(std::vector<bus_world::listener<What>>& all, const What& what, std::string text);
  bool is_mine(const std::weak_ptr<bool>& alive) const;

  bus_world& in_;
  clock& time_;
  reachable self_;
  std::string process_;
};

}  // namespace peerage::sim
