// A gateway that this process serves on NATS: it reads requests, hands them to the service, many at
// once, and answers. Owned by the bus, and by every request under way. Inside this room.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "async/background.h"
#include "natsbus/connection.h"
#include "natsbus/micro.h"
#include "natsbus/subjects.h"
#include "ports/bus.h"
#include "ports/clock.h"

namespace peerage::nats {

class serving : public std::enable_shared_from_this<serving> {
 public:
  /// `work` runs the requests; its owner ends them. `service` and `time` outlive that.
  serving(gateway_name name, std::string region, gateway_service& service, clock& time,
          background& work);

  /// On a new connection: listens to the gateway's subjects and to the questions of ADR-32.
  void listen(std::shared_ptr<connection> over);
  /// What is under way goes on to its end.
  void stop();

 private:
  void hear(action what, const std::shared_ptr<connection>& over, const message& heard);
  template <class Request, class Reply>
  void take(action what, const std::shared_ptr<connection>& over, std::string reply,
            result<Request> request, task<Reply> (gateway_service::*method)(Request));
  template <class Request, class Reply>
  task<> carry(std::shared_ptr<serving> self, action what, std::shared_ptr<connection> over,
               std::string reply, Request request, task<Reply> (gateway_service::*method)(Request));
  void refuse(action what, connection& over, const std::string& reply, const error& why);
  void answer(action what, connection& over, const std::string& reply, std::string payload);
  endpoint& at(action what) { return about_.endpoints.at(static_cast<std::size_t>(what)); }

  gateway_service& service_;
  clock& time_;
  background& work_;
  micro_service about_;
  std::shared_ptr<connection> over_;
  std::vector<std::shared_ptr<connection::subscription>> subscribed_;
  std::size_t under_way_ = 0;
  steady_time quiet_until_{};  // no line of the log before
  std::uint64_t unsaid_ = 0;   // refusals since the last line
};

}  // namespace peerage::nats
