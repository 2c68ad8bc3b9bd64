#include "natsbus/guard.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/secret.h"
#include "crypto/random.h"

namespace peerage::nats {
namespace {

// Each costs a gateway a MAC every 2 s, and a heartbeat 100 bytes.
constexpr std::size_t most_hearers = 128;
// Of these so many are for processes that have not asked this gateway anything yet.
constexpr std::size_t most_others = 64;

bool same(const authenticator::tag* one, const authenticator::tag& other) {
  return one != nullptr && equal_in_constant_time(*one, other);
}

}  // namespace

guard::guard(secret_key mine, std::string api, clock& time)
    : time_(time), keys_(std::move(mine)), api_(std::move(api)), start_(random_label(16)) {}

bool guard::fresh(wall_time at) const {
  return std::chrono::abs(time_.now() - at) <= longest_age;
}

result<guard::question> guard::ask(const gateway_name& to, std::string subject,
                                   std::string_view body) {
  question made{std::move(subject), to.text(), {}, {}, {}};
  made.with = keys_.with(party_kind::gateway, made.to, api_);
  if (!made.with) {
    return fail(errc::unavailable,
                "gateway " + made.to + " has not made its key for the bus known");
  }
  made.request = start_ + "-" + std::to_string(++asked_);
  const wall_time now = time_.now();
  const envelope about{sealed_as::request, made.subject, api_, made.to, made.request, now};
  made.seal = write_seal({api_, made.request, now, {{made.to, tag_of(*made.with, about, body)}}});
  return made;
}

bool guard::believes(const question& asked, std::string_view seal, std::string_view body) const {
  const auto told = read_seal(seal);
  if (!told || told->signer != asked.to || told->request != asked.request) return false;
  const envelope about{sealed_as::reply, asked.subject, asked.to, api_, asked.request, told->at};
  return same(told->tag_for(api_), tag_of(*asked.with, about, body));
}

result<wall_time> guard::believe_heartbeat(const gateway_name& from, std::string_view subject,
                                           std::string_view seal, std::string_view body) {
  const std::string& name = from.text();
  const shared_key with = keys_.with(party_kind::gateway, name, api_);
  if (!with) return fail(errc::not_found, "the gateway's key for the bus is not known");
  const auto told = read_seal(seal);
  if (!told) return fail(errc::denied, "it is not signed");
  if (told->signer != name) return fail(errc::denied, "it is signed by " + told->signer);
  const envelope about{sealed_as::heartbeat, subject, name, api_, told->request, told->at};
  if (!same(told->tag_for(api_), tag_of(*with, about, body))) {
    return fail(errc::denied, "its signature is not the gateway's");
  }
  const bool is_fresh = fresh(told->at);
  wall_time& last = is_fresh ? heard_beats_[name] : stale_beats_[name];
  if (told->at <= last && (!is_fresh || fresh(last))) {
    return fail(errc::denied, "it was heard before");
  }
  last = told->at;
  return told->at;
}

result<guard::asker> guard::judge(const gateway_name& at, std::string_view subject,
                                  std::string_view seal, std::string_view body) {
  const auto told = read_seal(seal);
  if (!told) return fail(errc::denied, "it is not signed");
  const auto* tag = told->tag_for(at.text());
  if (tag == nullptr) return fail(errc::denied, "it is signed for another gateway");
  asker made{told->signer, told->request, {}, false};
  made.with = keys_.with(party_kind::api, told->signer, at.text());
  if (!made.with) {
    return fail(errc::not_found, "it is signed by " + told->signer + ", which nobody knows");
  }
  const envelope about{sealed_as::request, subject,       told->signer,
                       at.text(),          told->request, told->at};
  if (!same(tag, tag_of(*made.with, about, body))) {
    return fail(errc::denied, "its signature is not that of " + told->signer);
  }
  made.fresh = fresh(told->at);
  if (made.fresh) note_alive(made.signer);
  return made;
}

/// An API process that asks is alive: heartbeats reach it before those that only have a record.
void guard::note_alive(const std::string& api) {
  std::erase(alive_, api);
  alive_.push_front(api);
  if (alive_.size() > most_hearers) alive_.pop_back();
}

/// To whom the next heartbeat is sealed: all that are known, or, of more than that, those that
/// asked last and, in turn, some of the others.
std::vector<std::string> guard::hearers() {
  std::vector<std::string> all = keys_.known(party_kind::api);
  if (all.size() <= most_hearers) return all;
  std::vector<std::string> made;
  std::set<std::string> chosen;
  const std::set<std::string> known(all.begin(), all.end());
  for (const std::string& each : alive_) {
    if (made.size() == most_hearers - most_others) break;
    if (known.contains(each) && chosen.insert(each).second) made.push_back(each);
  }
  for (std::size_t tried = 0; tried < all.size() && made.size() < most_hearers; ++tried) {
    const std::string& next = all[turn_++ % all.size()];
    if (chosen.insert(next).second) made.push_back(next);
  }
  return made;
}

std::string guard::answer(const gateway_name& at, std::string_view subject, const asker& to,
                          std::string_view body) const {
  const wall_time now = time_.now();
  const envelope about{sealed_as::reply, subject, at.text(), to.signer, to.request, now};
  return write_seal({at.text(), to.request, now, {{to.signer, tag_of(*to.with, about, body)}}});
}

std::string guard::beat(const gateway_name& at, std::string_view subject, std::string_view body) {
  wall_time& last = sent_beats_[at.text()];
  // Never the same time twice, also where the clock goes back a little.
  const wall_time now = time_.now();
  last = fresh(last) ? std::max(now, last + milliseconds{1}) : now;
  seal made{at.text(), start_, last, {}};
  for (const std::string& api : hearers()) {
    const shared_key with = keys_.with(party_kind::api, api, at.text());
    if (!with) continue;
    const envelope about{sealed_as::heartbeat, subject, at.text(), api, start_, last};
    made.tags.emplace_back(api, tag_of(*with, about, body));
  }
  return made.tags.empty() ? std::string() : write_seal(made);
}

bool guard::too_many_apis() const {
  return keys_.count(party_kind::api) > most_hearers;
}

std::string why_stale() {
  return "its time is more than " + std::to_string(longest_age.count()) +
         " s from this host's: it is old, or one of the two clocks is wrong";
}

}  // namespace peerage::nats
