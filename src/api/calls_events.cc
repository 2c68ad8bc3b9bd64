// GET /v1/events: what happens, as server-sent events.
#include <utility>

#include "api/calls.h"
#include "api/problem.h"
#include "api/read.h"
#include "json/json.h"

namespace peerage {
namespace {

constexpr seconds keepalive{15};
constexpr seconds token_look{30};

std::string as_text(const told& one) {
  std::string text = "event: ";
  text += one.what ? name_of(one.what->what) : std::string_view("gap");
  text += "\nid: " + std::to_string(one.id) + "\ndata: ";
  json::object data;
  if (one.what) {
    data["at"] = to_rfc3339(one.what->at);
    data["gateway"] = one.what->gateway.text();
    if (one.what->peer) {
      data["network"] = one.what->peer->network.text();
      data["peer"] = one.what->peer->name.text();
      data["revision"] = one.what->at_revision.number;
    }
  }
  return text + json::serialize(data) + "\n\n";
}

class event_stream final : public http::body_source {
 public:
  /// `resumed`: the client has had a stream before, whose events since then nobody has kept.
  event_stream(control& mind, token_id token, std::shared_ptr<watcher> from, bool resumed)
      : mind_(mind), token_(std::move(token)), from_(std::move(from)), gap_(resumed) {
    look_again_ = mind_.time().steady() + token_look;
  }

  task<std::string> next() override {
    if (!std::exchange(begun_, true)) co_return ": what happens from now on\n\n";
    if (std::exchange(gap_, false)) co_return as_text(told{});
    if (mind_.time().steady() >= look_again_) {
      look_again_ = mind_.time().steady() + token_look;
      token_id token = token_;
      if (!co_await mind_.still_good(std::move(token))) co_return "";
    }
    const steady_time until = mind_.time().steady() + keepalive;
    const auto one = co_await from_->next(mind_.time(), until);
    co_return one ? as_text(*one) : ": keepalive\n\n";
  }

 private:
  control& mind_;
  token_id token_;
  std::shared_ptr<watcher> from_;
  steady_time look_again_{};
  bool begun_ = false;
  bool gap_;
};

}  // namespace

task<http::response> get_events(const call& now) {
  auto network = read_events_query(now.request.query);
  if (!network) co_return problem(network.error());
  auto from = co_await now.mind.watch(now.who, *std::move(network));
  if (!from) co_return problem(from.error());
  http::response answer;
  answer.set_header("Content-Type", "text/event-stream; charset=utf-8");
  answer.set_header("X-Accel-Buffering", "no");  // nginx passes each event on as it comes
  const bool resumed = !now.request.header("Last-Event-ID").empty();
  answer.stream = std::make_shared<event_stream>(now.mind, now.who.id, *std::move(from), resumed);
  co_return answer;
}

}  // namespace peerage
