#include "natsbus/serving.h"

#include <algorithm>
#include <array>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <utility>

#include "log/log.h"
#include "wire/messages.h"

namespace peerage::nats {
namespace {

using namespace asio::experimental::awaitable_operators;

constexpr std::array served{action::apply, action::status, action::accept_removals};

// A key that an API process made known just now is heard of in a few milliseconds.
constexpr seconds patience{1};
constexpr std::size_t most_once = 1'000;

struct counted {
  std::size_t& count;
  explicit counted(std::size_t& in) : count(in) { ++count; }
  ~counted() { --count; }
};

}  // namespace

serving::serving(asio::any_io_executor loop, gateway_name name, std::string region,
                 gateway_service& service, clock& time, guard& judge, background& work)
    : service_(service), time_(time), judge_(judge), work_(work), learned_(std::move(loop)) {
  about_.id = new_token();
  about_.region = std::move(region);
  about_.started = time.now();
  for (const action each : served) {
    at(each).name = std::string(name_of(each));
    at(each).subject = subject_of(name, each);
  }
  about_.gateway = std::move(name);
}

void serving::listen(std::shared_ptr<connection> over) {
  over_ = over;
  subscribed_.clear();
  // By weak references: the connection owns its handlers, and must not own itself.
  const auto subscribe = [&](const std::string& subject, auto handle) {
    subscribed_.push_back(
        over->subscribe(subject, [weak = weak_from_this(), from = std::weak_ptr<connection>(over),
                                  handle](const message& heard) {
          const auto self = weak.lock();
          const auto back = from.lock();
          if (self && back) handle(*self, back, heard);
        }));
  };
  for (const action what : served) {
    subscribe(at(what).subject, [what](serving& self, const auto& back, const message& heard) {
      self.hear(what, back, heard);
    });
  }
  for (const auto asked : {micro_question::ping, micro_question::info, micro_question::stats}) {
    for (const std::string& subject : subjects_of(asked, about_.id)) {
      subscribe(subject, [asked](serving& self, const auto& back, const message& heard) {
        if (heard.reply.empty()) return;
        // Lost with the connection, as the question's asker expects.
        static_cast<void>(
            back->publish(std::string(heard.reply), {}, answer_to(asked, self.about_)));
      });
    }
  }
}

void serving::stop() {
  if (over_) {
    for (const auto& each : subscribed_) over_->unsubscribe(each);
  }
  subscribed_.clear();
  over_.reset();
}

void serving::hear(action what, const std::shared_ptr<connection>& over, const message& heard) {
  call one{what, over, std::string(heard.reply), {}};
  ++at(what).requests;
  if (heard.payload.size() > most_payload) {
    return refuse(one, {errc::corrupt, "more than " + std::to_string(most_payload) + " bytes", {}});
  }
  // Whoever has the key of a peer may ask whether it is live: by hand, say.
  if (what == action::status && heard.seal.empty()) return admit(std::move(one), heard.payload);
  auto asker = judge_.judge(about_.gateway, at(what).subject, heard.seal, heard.payload);
  if (asker) {
    one.from = *std::move(asker);
    return admit(std::move(one), heard.payload);
  }
  if (asker.error().code == errc::not_found && strangers_ < most_strangers) {
    work_.spawn(await_word(shared_from_this(), std::move(one), std::string(heard.seal),
                           std::string(heard.payload)));
    return;
  }
  refuse(one, asker.error());
}

/// Of somebody whose key may be on its way.
task<> serving::await_word(std::shared_ptr<serving> self, call one, std::string seal,
                           std::string payload) {
  const counted stranger(self->strangers_);
  const steady_time until = self->time_.steady() + patience;
  const std::string& subject = self->at(one.what).subject;
  for (;;) {
    auto asker = self->judge_.judge(self->about_.gateway, subject, seal, payload);
    if (asker) {
      one.from = *std::move(asker);
      self->admit(std::move(one), payload);
      co_return;
    }
    if (asker.error().code != errc::not_found || self->time_.steady() >= until) {
      self->refuse(one, asker.error());
      co_return;
    }
    co_await (self->learned_.wait() || self->time_.wait_until(until));
  }
}

void serving::admit(call one, std::string_view payload) {
  if (one.from && !one.from->fresh) return refuse(one, {errc::denied, why_stale(), {}});
  if (under_way_ >= most_served) {
    return refuse(
        one, {errc::full, std::to_string(most_served) + " requests are under way already", {}});
  }
  switch (one.what) {
    case action::apply:
      return take(std::move(one), wire::read_apply_request(payload), &gateway_service::apply);
    case action::status: {
      auto request = wire::read_status_request(payload);
      // Where a peer's client is, and a look at the device, are not for everybody.
      if (request && !one.from) request->want_seen = false;
      return take(std::move(one), std::move(request), &gateway_service::status);
    }
    case action::accept_removals: return accept_once(std::move(one), payload);
    case action::heartbeat: return;
  }
}

/// No revision fences this one: what somebody recorded and says again must not do it again.
void serving::accept_once(call one, std::string_view payload) {
  const steady_time now = time_.steady();
  while (!once_.empty() && now - once_.front().at > 2 * longest_age) once_.pop_front();
  const std::string request = one.from->signer + " " + one.from->request;
  const auto before = std::ranges::find(once_, request, &answered::request);
  if (before != once_.end()) {
    if (before->payload.empty()) return refuse(one, {errc::full, "it is under way already", {}});
    return answer(one, before->payload);
  }
  if (once_.size() >= most_once) {
    return refuse(one, {errc::full, "there were too many of these lately", {}});
  }
  once_.push_back({request, now, {}});
  take(std::move(one), wire::read_accept_removals_request(payload),
       &gateway_service::accept_removals);
}

template <class Request, class Reply>
void serving::take(call one, result<Request> request,
                   task<Reply> (gateway_service::*method)(Request)) {
  if (!request) return refuse(one, request.error());
  work_.spawn(carry(shared_from_this(), std::move(one), *std::move(request), method));
}

template <class Request, class Reply>
task<> serving::carry(std::shared_ptr<serving> self, call one, Request request,
                      task<Reply> (gateway_service::*method)(Request)) {
  const counted mine(self->under_way_);
  const steady_time begun = self->time_.steady();
  Reply made = co_await (self->service_.*method)(std::move(request));
  self->at(one.what).processing += self->time_.steady() - begun;
  self->answer(one, wire::write(made));
}

result<> serving::send(const call& one, std::string_view payload) {
  std::string seal;
  if (one.from) {
    seal = judge_.answer(about_.gateway, at(one.what).subject, *one.from, payload);
  }
  return one.over->publish(one.reply, {}, payload, seal);
}

void serving::answer(const call& one, std::string payload) {
  if (one.what == action::accept_removals) {
    const std::string request = one.from->signer + " " + one.from->request;
    const auto kept = std::ranges::find(once_, request, &answered::request);
    if (kept != once_.end()) kept->payload = payload;
  }
  if (one.reply.empty()) return;
  const auto sent = send(one, payload);
  if (sent) return;
  if (sent.error().code == errc::invalid) {
    refuse(one, sent.error());
  } else {
    log::debug("an answer was lost",
               {{"subject", at(one.what).subject}, {"why", sent.error().message}});
  }
}

void serving::refuse(const call& one, const error& why) {
  const action what = one.what;
  ++at(what).errors;
  at(what).last_error = why.field.empty() ? why.message : why.field + ": " + why.message;
  if (!one.reply.empty()) static_cast<void>(send(one, wire::write_refusal(why)));
  const steady_time now = time_.steady();
  if (now < quiet_until_) {
    ++unsaid_;
    return;
  }
  log::warning("refused a request",
               {{"subject", at(what).subject}, {"why", at(what).last_error}, {"more", unsaid_}});
  quiet_until_ = now + seconds{1};
  unsaid_ = 0;
}

}  // namespace peerage::nats
