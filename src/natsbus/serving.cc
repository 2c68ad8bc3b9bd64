#include "natsbus/serving.h"

#include <array>
#include <utility>

#include "log/log.h"
#include "wire/messages.h"

namespace peerage::nats {
namespace {

constexpr std::array served{action::apply, action::status, action::accept_removals};

}  // namespace

serving::serving(gateway_name name, std::string region, gateway_service& service, clock& time,
                 background& work)
    : service_(service), time_(time), work_(work) {
  // An inbox is unique; its last part makes an id without dots.
  const std::string inbox = new_inbox();
  about_.id = inbox.substr(inbox.rfind('.') + 1);
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
  std::string reply(heard.reply);
  ++at(what).requests;
  if (heard.payload.size() > most_payload) {
    refuse(what, *over, reply,
           {errc::corrupt, "more than " + std::to_string(most_payload) + " bytes", {}});
    return;
  }
  if (under_way_ >= most_served) {
    refuse(what, *over, reply,
           {errc::full, std::to_string(most_served) + " requests are under way already", {}});
    return;
  }
  switch (what) {
    case action::apply:
      return take(what, over, std::move(reply), wire::read_apply_request(heard.payload),
                  &gateway_service::apply);
    case action::status:
      return take(what, over, std::move(reply), wire::read_status_request(heard.payload),
                  &gateway_service::status);
    case action::accept_removals:
      return take(what, over, std::move(reply), wire::read_accept_removals_request(heard.payload),
                  &gateway_service::accept_removals);
    case action::heartbeat: return;
  }
}

template <class Request, class Reply>
void serving::take(action what, const std::shared_ptr<connection>& over, std::string reply,
                   result<Request> request, task<Reply> (gateway_service::*method)(Request)) {
  if (!request) return refuse(what, *over, reply, request.error());
  work_.spawn(carry(shared_from_this(), what, over, std::move(reply), *std::move(request), method));
}

template <class Request, class Reply>
task<> serving::carry(std::shared_ptr<serving> self, action what, std::shared_ptr<connection> over,
                      std::string reply, Request request,
                      task<Reply> (gateway_service::*method)(Request)) {
  struct counted {
    std::size_t& count;
    explicit counted(std::size_t& in) : count(in) { ++count; }
    ~counted() { --count; }
  };
  const counted one(self->under_way_);
  const steady_time begun = self->time_.steady();
  Reply made = co_await (self->service_.*method)(std::move(request));
  self->at(what).processing += self->time_.steady() - begun;
  self->answer(what, *over, reply, wire::write(made));
}

void serving::answer(action what, connection& over, const std::string& reply, std::string payload) {
  if (reply.empty()) return;
  const auto sent = over.publish(reply, {}, payload);
  if (sent) return;
  if (sent.error().code == errc::invalid) {
    refuse(what, over, reply, sent.error());
  } else {
    log::debug("an answer was lost",
               {{"subject", at(what).subject}, {"why", sent.error().message}});
  }
}

void serving::refuse(action what, connection& over, const std::string& reply, const error& why) {
  ++at(what).errors;
  at(what).last_error = why.field.empty() ? why.message : why.field + ": " + why.message;
  if (!reply.empty()) static_cast<void>(over.publish(reply, {}, wire::write_refusal(why)));
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
