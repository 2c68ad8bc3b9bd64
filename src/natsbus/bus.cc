#include "natsbus/bus.h"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <random>
#include <utility>

#include "async/background.h"
#include "log/log.h"
#include "natsbus/connection.h"
#include "natsbus/guard.h"
#include "natsbus/options.h"
#include "natsbus/requests.h"
#include "natsbus/serving.h"
#include "natsbus/subjects.h"
#include "natsbus/trials.h"
#include "wire/messages.h"

namespace peerage {
namespace {

using namespace asio::experimental::awaitable_operators;
using namespace nats;

constexpr unsigned greetings = 10;
constexpr milliseconds between_greetings{200};
constexpr std::chrono::hours introduced_every{6};
constexpr seconds roster_wait{300};
// A gateway's key that was made known just now is heard of in a few milliseconds.
constexpr seconds patience{1};

class bus_on_nats final : public nats_bus {
 public:
  bus_on_nats(asio::any_io_executor loop, clock& time, roster& who, nats_identity self,
              nats_options options)
      : loop_(loop),
        time_(time),
        roster_(who),
        guard_(std::move(self.key), std::move(self.api), time),
        options_(std::move(options)),
        retry_(loop),
        greeting_(loop),
        learned_(loop),
        work_(loop),
        trials_(loop, time, work_, options_,
                {[this] { return needed(); }, [this] { connect_anew(); }, [this] { lost(); }}),
        dialler_(loop) {
    if (!guard_.api().empty()) {
      work_.spawn(introduce({party_kind::api, guard_.api(), guard_.keys().open_key()}));
      work_.spawn(follow_roster(party_kind::gateway));
    }
    dial();
  }
  ~bus_on_nats() override { close(); }

  task<result<apply_reply>> apply(gateway_name to, apply_request request,
                                  steady_time deadline) override {
    auto answer = co_await ask(to, action::apply, wire::write(request), deadline);
    if (!answer) co_return std::unexpected(answer.error());
    auto reply = wire::read_apply_reply(*answer);
    if (!reply) co_return not_understood(to, reply.error());
    co_return *std::move(reply);
  }

  task<result<status_reply>> status(gateway_name to, status_request request,
                                    steady_time deadline) override {
    auto answer = co_await ask(to, action::status, wire::write(request), deadline);
    if (!answer) co_return std::unexpected(answer.error());
    auto reply = wire::read_status_reply(*answer);
    if (!reply) co_return not_understood(to, reply.error());
    co_return *std::move(reply);
  }

  result<> serve(gateway_name name, gateway_service& service) override;
  void stop_serving(const gateway_name& name) override;
  void publish(const heartbeat& beat) override;
  void listen(std::function<void(const heartbeat&)> hear) override;
  task<result<accept_removals_reply>> accept_removals(gateway_name to,
                                                      steady_time deadline) override {
    accept_removals_request request;
    auto answer = co_await ask(to, action::accept_removals, wire::write(request), deadline);
    if (!answer) co_return std::unexpected(answer.error());
    auto reply = wire::read_accept_removals_reply(*answer);
    if (!reply) co_return not_understood(to, reply.error());
    co_return *std::move(reply);
  }
  void publish(const event& what) override;
  void listen(std::function<void(const event&)> hear) override;
  bool connected() const override { return connection_ && connection_->open(); }
  std::string why_away() const override { return why_away_; }
  std::string refused() const override { return trials_.text(); }
  task<result<>> try_permissions(bool api, std::optional<gateway_name> gateway,
                                 steady_time deadline) override {
    needed_subjects all = api ? needed_by_api() : needed_subjects{};
    if (gateway) {
      const needed_subjects its = needed_by(*gateway);
      all.hear.insert(all.hear.end(), its.hear.begin(), its.hear.end());
      all.say.insert(all.say.end(), its.say.begin(), its.say.end());
    }
    nats_options as = options_;  // named: g++ 12 destroys a temporary of a co_await twice
    auto tried =
        co_await nats::try_permissions(loop_, time_, std::move(as), std::move(all), deadline);
    co_return tried;
  }
  task<> stop() override;

 private:
  task<result<std::string>> ask(gateway_name to, action what, std::string payload,
                                steady_time deadline);
  static std::unexpected<error> not_understood(const gateway_name& to, const error& why) {
    return fail(errc::timeout, "gateway " + to.text() + " answered what can't be read: " +
                                   (why.field.empty() ? "" : why.field + ": ") + why.message);
  }

  task<> introduce(party self);
  task<> follow_roster(party_kind whom);
  void learned(party_kind whom);

  void dial();
  void dialled(result<std::unique_ptr<connection>> made);
  void dial_later();
  std::vector<needed_subjects> needed() const;
  void connect_anew();
  void greet(unsigned times);
  void say(const heartbeat& beat);
  void lost();
  void close();
  void hear_heartbeats();
  void hear(const message& heard);
  bool hold(const heartbeat& beat, const message& heard);
  void hear_again();
  void hear_events();
  void hear_event(const message& heard);
  void complain(std::string_view subject, std::string_view why);

  asio::any_io_executor loop_;
  clock& time_;
  roster& roster_;
  guard guard_;
  nats_options options_;
  asio::steady_timer retry_;
  asio::steady_timer greeting_;
  signal learned_;  // the roster has said something new
  struct stranger {
    steady_time since;
    std::string subject, seal, payload;
  };
  std::map<gateway_name, stranger> strangers_;  // the last heartbeats of those not known yet
  bool apis_followed_ = false;
  std::map<gateway_name, heartbeat> last_beats_;
  std::mt19937 random_{std::random_device{}()};
  unsigned failures_ = 0;
  std::string why_away_;
  bool said_too_many_ = false;
  bool stopping_ = false;
  steady_time quiet_until_{};
  std::vector<std::function<void(const heartbeat&)>> listeners_;
  std::vector<std::function<void(const event&)>> watchers_;
  background work_;
  std::map<gateway_name, std::shared_ptr<serving>> serving_;
  std::shared_ptr<connection> connection_;
  std::shared_ptr<requests> requests_;
  trials trials_;
  dialler dialler_;
};

task<result<std::string>> bus_on_nats::ask(gateway_name to, action what, std::string payload,
                                           steady_time deadline) {
  const auto over = requests_;
  if (!over || !connected()) {
    co_return fail(errc::unavailable,
                   "gateway " + to.text() + " can't be asked: there is no connection to NATS");
  }
  auto asked = guard_.ask(to, subject_of(to, what), payload);
  const steady_time until = std::min(deadline, time_.steady() + patience);
  while (!asked && time_.steady() < until) {
    co_await (learned_.wait() || time_.wait_until(until));
    asked = guard_.ask(to, subject_of(to, what), payload);
  }
  if (!asked) co_return std::unexpected(asked.error());
  std::string subject = asked->subject;
  std::string seal = asked->seal;
  requests::judge believes = [this, asked = *std::move(asked)](const message& heard) {
    if (guard_.believes(asked, heard.seal, heard.payload)) return true;
    complain(asked.subject, "an answer that the gateway does not vouch for");
    return false;
  };
  auto answer = co_await over->ask(std::move(subject), std::move(payload), std::move(seal),
                                   std::move(believes), deadline);
  if (!answer) {
    answer.error().message = "gateway " + to.text() + ": " + answer.error().message;
  }
  co_return answer;
}

result<> bus_on_nats::serve(gateway_name name, gateway_service& service) {
  auto made =
      std::make_shared<serving>(loop_, name, options_.region, service, time_, guard_, work_);
  if (!serving_.emplace(name, made).second) {
    return fail(errc::conflict, "gateway " + name.text() + " is served in this process already");
  }
  if (connected()) {
    made->listen(connection_);
    connection_->attempt(needed_by(name));
  }
  work_.spawn(introduce({party_kind::gateway, name.text(), guard_.keys().open_key()}));
  if (!std::exchange(apis_followed_, true)) work_.spawn(follow_roster(party_kind::api));
  return {};
}

void bus_on_nats::stop_serving(const gateway_name& name) {
  const auto found = serving_.find(name);
  if (found == serving_.end()) return;
  found->second->stop();
  serving_.erase(found);
}

void bus_on_nats::publish(const heartbeat& beat) {
  last_beats_.insert_or_assign(beat.name, beat);
  if (!connected()) return;
  say(beat);
}

void bus_on_nats::say(const heartbeat& beat) {
  const std::string subject = subject_of(beat.name, action::heartbeat);
  const std::string payload = wire::write(beat);
  const std::string seal = guard_.beat(beat.name, subject, payload);
  if (seal.empty()) return;  // nobody is known who would believe it
  // One that is lost is followed by the next.
  static_cast<void>(connection_->publish(subject, {}, payload, seal));
}

void bus_on_nats::listen(std::function<void(const heartbeat&)> hear) {
  listeners_.push_back(std::move(hear));
  if (listeners_.size() == 1 && connected()) hear_heartbeats();
}

void bus_on_nats::hear_heartbeats() {
  static_cast<void>(
      connection_->subscribe(every_heartbeat, [this](const message& heard) { hear(heard); }));
}

void bus_on_nats::hear(const message& heard) {
  if (heard.payload.empty()) return;  // somebody tries whether the server permits it
  if (heard.payload.size() > most_payload) return complain(heard.subject, "it is too large");
  auto beat = wire::read_heartbeat(heard.payload);
  if (!beat) return complain(heard.subject, beat.error().message);
  if (gateway_of_heartbeat(heard.subject) != beat->name) {
    return complain(heard.subject, "it names another gateway than its subject");
  }
  const auto believed =
      guard_.believe_heartbeat(beat->name, heard.subject, heard.seal, heard.payload);
  if (!believed && believed.error().code == errc::not_found && hold(*beat, heard)) return;
  if (!believed) return complain(heard.subject, believed.error().message);
  if (!guard_.fresh(*believed)) complain(heard.subject, why_stale());
  beat->at = *believed;
  for (std::size_t i = 0; i < listeners_.size(); ++i) listeners_[i](*beat);
}

/// Of a gateway whose key may be on its way; false for one that has been waited for long enough.
bool bus_on_nats::hold(const heartbeat& beat, const message& heard) {
  const steady_time now = time_.steady();
  const auto [at, fresh] = strangers_.try_emplace(beat.name);
  if (fresh) at->second.since = now;
  at->second.subject = heard.subject;
  at->second.seal = heard.seal;
  at->second.payload = heard.payload;
  const bool patient = now - at->second.since < patience;
  if (fresh && strangers_.size() > most_strangers) strangers_.erase(at);
  return patient;
}

void bus_on_nats::hear_again() {
  for (const auto& [name, each] : std::exchange(strangers_, {})) {
    message held;
    held.subject = each.subject;
    held.seal = each.seal;
    held.payload = each.payload;
    hear(held);
  }
}

/// NATS sends a process its own events too; while it is away they stay in the process.
void bus_on_nats::publish(const event& what) {
  if (connected()) {
    static_cast<void>(connection_->publish(events, {}, wire::write(what)));
    return;
  }
  for (std::size_t i = 0; i < watchers_.size(); ++i) watchers_[i](what);
}

void bus_on_nats::listen(std::function<void(const event&)> hear) {
  watchers_.push_back(std::move(hear));
  if (watchers_.size() == 1 && connected()) hear_events();
}

void bus_on_nats::hear_events() {
  static_cast<void>(
      connection_->subscribe(events, [this](const message& heard) { hear_event(heard); }));
}

void bus_on_nats::hear_event(const message& heard) {
  if (heard.payload.empty()) return;
  if (heard.payload.size() > most_payload) return complain(heard.subject, "it is too large");
  const auto what = wire::read_event(heard.payload);
  if (!what) return complain(heard.subject, what.error().message);
  for (std::size_t i = 0; i < watchers_.size(); ++i) watchers_[i](*what);
}

void bus_on_nats::complain(std::string_view subject, std::string_view why) {
  const steady_time now = time_.steady();
  if (now < quiet_until_) return;
  quiet_until_ = now + seconds{1};
  log::warning("passed over a message", {{"subject", subject}, {"why", why}});
}

/// Until it is known: the store may be away.
/// Publishes the key, and again now and then: a record that is not renewed is removed some day.
task<> bus_on_nats::introduce(party self) {
  bool greeted = false;
  for (unsigned failures = 0;;) {
    party wanted = self;
    const auto entered = co_await roster_.enter(std::move(wanted));
    if (entered) {
      failures = 0;
      if (self.kind == party_kind::gateway && !std::exchange(greeted, true)) greet(greetings);
      co_await time_.wait_until(time_.steady() + introduced_every);
      continue;
    }
    if (failures == 0) {
      log::warning("cannot publish this process's bus key; retrying",
                   {{"name", self.name}, {"error", entered.error().message}});
    }
    const double jitter = std::uniform_real_distribution<double>(0, 1)(random_);
    co_await time_.wait_until(time_.steady() + pause_after(failures++, jitter));
  }
}

/// What was known goes on being known while the store is away.
task<> bus_on_nats::follow_roster(party_kind whom) {
  std::string position;
  for (unsigned failures = 0;;) {
    std::string from = position;
    const auto word = co_await roster_.follow(whom, std::move(from), roster_wait);
    if (!word) {
      if (failures == 0) {
        log::warning("who may speak on the bus can't be read; trying again for ever",
                     {{"why", word.error().message}});
      }
      position.clear();
      const double jitter = std::uniform_real_distribution<double>(0, 1)(random_);
      co_await time_.wait_until(time_.steady() + pause_after(failures++, jitter));
      continue;
    }
    failures = 0;
    position = word->position;
    if (guard_.keys().know(whom, word->parties)) learned(whom);
  }
}

void bus_on_nats::learned(party_kind whom) {
  learned_.notify();
  if (whom == party_kind::gateway) return hear_again();
  for (const auto& [name, each] : serving_) each->learned();
  if (guard_.too_many_apis() && !std::exchange(said_too_many_, true)) {
    log::warning(
        "more API processes have bus keys in the store than a heartbeat reaches at once; those "
        "that "
        "asked this gateway last are reached first",
        {{"bus_keys", std::uint64_t{guard_.keys().count(party_kind::api)}}});
  }
  greet(greetings);  // whoever is new has not believed the last heartbeats
}

void bus_on_nats::dial() {
  dialler_.dial(options_,
                [this](result<std::unique_ptr<connection>> made) { dialled(std::move(made)); });
}

void bus_on_nats::dialled(result<std::unique_ptr<connection>> made) {
  if (stopping_) return;
  if (!made) {
    const bool said = !std::exchange(why_away_, made.error().message).empty();
    if (!said) log::warning("NATS is away; trying again for ever", {{"why", why_away_}});
    return dial_later();
  }
  connection_ = *std::move(made);
  connection_->start([this] { lost(); }, [this](const refusal& what) { trials_.refused(what); });
  requests_ = std::make_shared<requests>(loop_, time_, connection_);
  for (const auto& [name, each] : serving_) each->listen(connection_);
  if (!listeners_.empty()) hear_heartbeats();
  if (!watchers_.empty()) hear_events();
  failures_ = 0;
  why_away_.clear();
  greet(greetings);
  log::info("connected to NATS", {{"server", connection_->server()}});
  for (const auto& each : needed()) connection_->attempt(each);
}

std::vector<needed_subjects> bus_on_nats::needed() const {
  std::vector<needed_subjects> all;
  if (!guard_.api().empty()) all.push_back(needed_by_api());
  for (const auto& [name, each] : serving_) all.push_back(needed_by(name));
  return all;
}

void bus_on_nats::connect_anew() {
  close();
  if (!dialler_.busy()) dial();
}

/// After NATS was away, gateways and API processes come back one by one, each in its own time: the
/// last heartbeats are said again, closer together, so that nobody waits for the next ones.
void bus_on_nats::greet(unsigned times) {
  if (times == 0 || !connected()) return;
  for (const auto& [name, beat] : last_beats_) {
    if (!serving_.contains(name)) continue;
    say(beat);
  }
  greeting_.expires_after(between_greetings);
  greeting_.async_wait([this, times](boost::system::error_code cancelled) {
    if (!cancelled && !stopping_) greet(times - 1);
  });
}

void bus_on_nats::dial_later() {
  const double jitter = std::uniform_real_distribution<double>(0, 1)(random_);
  retry_.expires_after(pause_after(failures_++, jitter));
  retry_.async_wait([this](boost::system::error_code cancelled) {
    if (!cancelled && !stopping_) dial();
  });
}

void bus_on_nats::lost() {
  why_away_ = "the connection was lost";
  log::warning("NATS is away; trying again for ever", {{"why", why_away_}});
  close();
  dial_later();
}

void bus_on_nats::close() {
  if (requests_) requests_->lost();
  requests_.reset();
  if (connection_) connection_->close();
  connection_.reset();
  trials_.clear();
}

task<> bus_on_nats::stop() {
  stopping_ = true;
  retry_.cancel();
  trials_.stop();
  greeting_.cancel();
  for (const auto& [name, each] : serving_) each->stop();
  serving_.clear();
  co_await work_.stop();
  close();
  co_await dialler_.idle();
  co_await trials_.idle();
}

}  // namespace

std::unique_ptr<nats_bus> make_nats_bus(asio::any_io_executor loop, clock& time, roster& who,
                                        nats_identity self, nats_options options) {
  return std::make_unique<bus_on_nats>(std::move(loop), time, who, std::move(self),
                                       std::move(options));
}

}  // namespace peerage
