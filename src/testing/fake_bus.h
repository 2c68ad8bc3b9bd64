// A bus within the test. It does what NATS does to messages (./dev conformance bus holds it to
// that), and loses, repeats and delays when it is told to.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/signal.h"
#include "ports/bus.h"
#include "ports/clock.h"

namespace peerage::fakes {

/// One process on the bus. What it sends goes as text and is read again, so a message that would
/// not get over NATS does not get over this one. A request that has arrived is worked at to its
/// end, whether anybody still waits for the answer or not.
class fake_bus final : public bus {
 public:
  /// Alone on its bus; it may have both roles.
  explicit fake_bus(clock& time);
  /// One more process on the same bus.
  fake_bus(clock& time, const fake_bus& beside);
  ~fake_bus() override;

  task<result<apply_reply>> apply(gateway_name to, apply_request request,
                                  steady_time deadline) override;
  task<result<status_reply>> status(gateway_name to, status_request request,
                                    steady_time deadline) override;
  task<result<accept_removals_reply>> accept_removals(gateway_name to,
                                                      steady_time deadline) override;
  result<> serve(gateway_name name, gateway_service& service) override;
  void stop_serving(const gateway_name& name) override;
  /// Only of a gateway that this process was the last to serve: nobody believes another.
  void publish(const heartbeat& beat) override;
  void listen(std::function<void(const heartbeat&)> hear) override {
    listeners_.push_back(std::move(hear));
  }
  void publish(const event& what) override;
  void listen(std::function<void(const event&)> hear) override {
    watchers_.push_back(std::move(hear));
  }
  bool connected() const override { return is_connected; }

  /// The server goes away for this process: whoever waits for an answer is in doubt.
  void lose_connection();
  /// It is back, and the last heartbeats are said again.
  void connect();
  /// Says the last heartbeats of the gateways served here again, as happens at any time.
  void greet();
  /// As when the process ends: the requests being served are cancelled, its own are in doubt.
  /// Returns when the former have ended.
  task<> stop();

  bool is_connected = true;
  std::size_t unheard = 0;        // so many requests find nobody, as just after serve()
  std::size_t not_believed = 0;   // so many are sealed for the gateway's process of before
  std::size_t lose_requests = 0;  // so many requests never arrive
  std::size_t lose_answers = 0;   // so many are applied, and their answers lost
  bool repeat = false;            // every request arrives twice
  bool as_text = true;            // false: messages are not written and read, which costs time
  steady_duration patience{};     // how long a gateway whose key nobody knows is waited for
  std::vector<apply_request> applied;

 private:
  struct everyone;
  struct asking;
  struct served;
  fake_bus(clock& time, std::shared_ptr<everyone> all);

  template <class Reply, class Request>
  task<result<Reply>> ask(gateway_name to, Request request, steady_time deadline,
                          task<Reply> (gateway_service::*method)(Request));
  template <class Reply, class Request>
  void deliver(const std::shared_ptr<served>& at, const std::shared_ptr<asking>& asker,
               Request request, task<Reply> (gateway_service::*method)(Request),
               const asio::any_io_executor& loop);
  template <class Reply, class Request>
  static task<> carry(std::shared_ptr<served> at, std::shared_ptr<asking> asker, Request request,
                      task<Reply> (gateway_service::*method)(Request), bool twice);
  std::shared_ptr<served> server_of(const gateway_name& name) const;
  bool is_known(const gateway_name& name) const;
  void say(const heartbeat& beat);

  clock& time_;
  std::shared_ptr<everyone> all_;
  std::map<gateway_name, std::shared_ptr<served>> serving_;
  std::list<std::weak_ptr<served>> unfinished_;  // what was served, and may still work
  std::map<gateway_name, heartbeat> last_beats_;
  std::vector<std::function<void(const heartbeat&)>> listeners_;
  std::vector<std::function<void(const event&)>> watchers_;
};

}  // namespace peerage::fakes
