// A gateway that this process serves on NATS: it reads requests, believes those that the guard
// believes, hands them to the service, many at once, and answers. Owned by the bus, and by every
// request under way. Inside this room.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/background.h"
#include "async/signal.h"
#include "natsbus/connection.h"
#include "natsbus/guard.h"
#include "natsbus/micro.h"
#include "natsbus/subjects.h"
#include "ports/bus.h"
#include "ports/clock.h"

namespace peerage::nats {

class serving : public std::enable_shared_from_this<serving> {
 public:
  /// `work` runs the requests; its owner ends them. `service`, `time` and `judge` outlive that.
  serving(asio::any_io_executor loop, gateway_name name, std::string region,
          gateway_service& service, clock& time, guard& judge, background& work);

  /// On a new connection: listens to the gateway's subjects and to the questions of ADR-32.
  void listen(std::shared_ptr<connection> over);
  /// The guard knows of somebody new.
  void learned() { learned_.notify(); }
  /// What is under way goes on to its end.
  void stop();

 private:
  /// A request, as far as its answer needs to know.
  struct call {
    action what{};
    std::shared_ptr<connection> over;
    std::string reply;                 // empty where no answer is wanted
    std::optional<guard::asker> from;  // none: nobody vouches for it
  };
  /// One that must not be done again, and what was said to it.
  struct answered {
    std::string request;  // with its signer
    steady_time at;
    std::string payload;  // empty: it is under way
  };

  void hear(action what, const std::shared_ptr<connection>& over, const message& heard);
  task<> await_word(std::shared_ptr<serving> self, call one, std::string seal, std::string payload);
  void admit(call one, std::string_view payload);
  void accept_once(call one, std::string_view payload);
  template <class Request, class Reply>
  void take(call one, result<Request> request, task<Reply> (gateway_service::*method)(Request));
  template <class Request, class Reply>
  task<> carry(std::shared_ptr<serving> self, call one, Request request,
               task<Reply> (gateway_service::*method)(Request));
  void refuse(const call& one, const error& why);
  void answer(const call& one, std::string payload);
  result<> send(const call& one, std::string_view payload);
  endpoint& at(action what) { return about_.endpoints.at(static_cast<std::size_t>(what)); }

  gateway_service& service_;
  clock& time_;
  guard& judge_;
  background& work_;
  signal learned_;
  micro_service about_;
  std::shared_ptr<connection> over_;
  std::vector<std::shared_ptr<connection::subscription>> subscribed_;
  std::size_t under_way_ = 0;
  std::size_t strangers_ = 0;  // that wait for the roster's word
  std::deque<answered> once_;  // in the order in which they came
  steady_time quiet_until_{};  // no line of the log before
  std::uint64_t unsaid_ = 0;   // refusals since the last line
};

}  // namespace peerage::nats
