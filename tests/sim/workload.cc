// What callers want: creations, changes, removals, looks; some give up, and some try again.
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <utility>

#include "tests/sim/world.h"

namespace peerage::sim {
namespace {

/// Who asks; calls hold it by reference.
const principal& everyone() {
  static const principal root{*token_id::parse("root"), {}, {scope::admin}};
  return root;
}

/// How a call of control ends, for the model. Cancelled, nobody knows.
template <class T, class Told>
auto ending(model& of, std::shared_ptr<operation> one, Told told) {
  return [&of, one, told](const std::exception_ptr& thrown, result<T> how) {
    if (thrown) return of.cut_off(*one);
    told(how);
    of.answered(*one, how);
  };
}

}  // namespace

/// In some worlds one that was used before, as when somebody enrols a laptop again.
public_key world::some_key() {
  if (old_keys_ == 0) return fresh_key();
  if (used_keys_.size() < old_keys_) {
    used_keys_.push_back(fresh_key());
    return used_keys_.back();
  }
  if (chance_.chance(20)) return used_keys_[chance_.below(old_keys_)] = fresh_key();
  return chance_.pick(used_keys_);
}

public_key world::fresh_key() {
  std::array<std::uint8_t, key_size> bytes{};
  chance_.fill(bytes);
  return public_key(bytes);
}

secret_key world::fresh_secret() {
  std::array<std::uint8_t, key_size> bytes{};
  chance_.fill(bytes);
  return secret_key(bytes);
}

api_process* world::some_api() {
  std::vector<api_process*> up;
  for (auto& each : apis_)
    if (each.now && each.now->state == life::up) up.push_back(each.now.get());
  return up.empty() ? nullptr : chance_.pick(up);
}

/// What a new request wants, in full.
void world::wish(operation& one) {
  // Often it is a look at what was just asked for.
  if (!model_.operations.empty() && chance_.chance(25)) {
    one.who = model_.operations.back()->who;
    one.what = chance_.chance(70) ? act::show : act::list;
    if (!one.who.name.empty()) return;
  }
  one.who.network = chance_.pick(networks_);
  one.who.name = *peer_name::parse("p" + std::to_string(chance_.below(names_)));
  const std::size_t what = chance_.below(100);
  one.what = what < 22   ? act::post
             : what < 55 ? act::put
             : what < 73 ? act::remove
             : what < 84 ? act::show
             : what < 94 ? act::list
             : what < 98 ? act::drain
             : what < 99 ? act::remove_gateway
                         : act::make_network;
  auto& wanted = one.wanted;
  constexpr int waits[] = {0, 50, 500, 5'000, 5'000};
  wanted.wait = milliseconds{chance_.pick(waits)};
  std::vector<gateway_name> known;
  for (const auto& [name, each] : gateways_)
    if (each.wanted) known.push_back(name);
  if (one.what == act::drain || one.what == act::remove_gateway) one.gateway = chance_.pick(known);
  one.drain = chance_.chance(40);
  if (one.what == act::make_network) {
    // Of few prefixes, some within others' reach.
    const std::string third = std::to_string(3 + chance_.below(3));
    one.network.name = *network_name::parse("net-" + std::to_string(chance_.below(6)));
    one.network.ipv6 = prefix::parse("fd00:" + third + "::/48").value();
  }
  if (one.what > act::put) return;
  one.bounded = chance_.chance(30);
  if (one.what == act::put && chance_.chance(30) && store_.now.find(one.who)) {
    change_little(wanted);
    return;
  }
  if (one.what == act::post) wanted.name = one.who.name;
  if (one.what == act::post || chance_.chance(45)) wanted.public_key = some_key();
  const bool creates = !store_.now.find(one.who);
  if (one.what == act::put && creates && !wanted.public_key) wanted.public_key = some_key();
  if (chance_.chance(creates ? 30 : 25)) wanted.gateway = {true, chance_.pick(known)};
  if (chance_.chance(35)) {
    wanted.ttl = {true, seconds{1 + chance_.below(chance_.chance(50) ? 10 : 200)}};
    if (one.what == act::put && chance_.chance(25)) wanted.ttl.value.reset();
  }
  if (chance_.chance(30)) {
    wanted.preshared_key = {true, fresh_secret()};
  }
}

/// A longer time, or another secret, and nothing else.
void world::change_little(enrol_request& wanted) {
  if (chance_.chance(50)) {
    wanted.ttl = {true, seconds{1 + chance_.below(400)}};
  } else {
    wanted.preshared_key = {true, fresh_secret()};
  }
}

bool world::start_operation() {
  api_process* on = some_api();
  if (on == nullptr) return false;
  auto one = std::make_shared<operation>();
  one->number = model_.operations.size() + 1;
  const bool again = !lost_.empty() && chance_.chance(50);
  if (again) {
    // The same once more, perhaps at another process.
    const auto before = lost_.back();
    lost_.pop_back();
    one->what = before->what == act::post ? act::put : before->what;
    one->who = before->who;
    one->wanted = before->wanted;
    one->gateway = before->gateway;
    one->network = before->network;
    one->drain = before->drain;
    one->bounded = before->bounded;
  } else {
    wish(*one);
  }
  one->process = on->name;
  one->begun = time_.wall;
  one->begun_at = model_.step;
  model_.operations.push_back(one);
  note(on->name + " is asked " + text_of(*one) + (again ? ", again" : ""));
  launch(*on, one);
  return true;
}

void world::launch(api_process& on, const std::shared_ptr<operation>& one) {
  control& mind = *on.mind;
  const principal& who = one->bounded ? bounded_caller() : everyone();
  const auto told = [this, one](const auto& how) {
    note(text_of(*one) + (how ? " is answered" : " is refused: " + how.error().message));
    if (!how && how.error().code == errc::outcome_unknown) lost_.push_back(one);
  };
  const auto begin = [&](auto work, auto end) {
    asio::co_spawn(on.loop, std::move(work),
                   asio::bind_cancellation_slot(one->cancel.slot(), std::move(end)));
  };
  const auto plain = [this, one, told](const std::exception_ptr& thrown, const auto& how) {
    if (thrown) return model_.cut_off(*one);
    told(how);
    one->ended = true;
  };
  switch (one->what) {
    case act::post:
      return begin(mind.enrol(who, one->who.network, one->wanted),
                   ending<enrolment>(model_, one, told));
    case act::put:
      return begin(mind.put(who, one->who, one->wanted), ending<enrolment>(model_, one, told));
    case act::remove:
      return begin(mind.remove_peer(who, one->who, one->wanted.wait),
                   ending<removal_outcome>(model_, one, told));
    case act::show:
      return begin(mind.show_peer(who, one->who), ending<peer_view>(model_, one, told));
    case act::list:
      return begin(mind.list_peers(who, one->who.network, {}, 100, {}),
                   ending<peer_page>(model_, one, told));
    case act::drain:
      return begin(mind.drain_gateway(one->gateway, one->drain),
                   [plain](const std::exception_ptr& thrown, const result<gateway_info>& how) {
                     plain(thrown, how);
                   });
    case act::remove_gateway:
      return begin(
          mind.remove_gateway(one->gateway),
          [plain](const std::exception_ptr& thrown, const result<>& how) { plain(thrown, how); });
    case act::make_network:
      return begin(mind.create_network(who, one->network),
                   [plain](const std::exception_ptr& thrown, const result<network>& how) {
                     plain(thrown, how);
                   });
  }
}

/// The caller goes; the work goes on.
bool world::abandon_operation() {
  std::vector<std::shared_ptr<operation>> some;
  for (const auto& each : model_.operations)
    if (!each->ended && each->heard) some.push_back(each);
  if (some.empty()) return false;
  const auto one = chance_.pick(some);
  one->heard = false;
  one->doubtful = true;
  lost_.push_back(one);
  note(text_of(*one) + " is abandoned");
  return true;
}

/// The work is cancelled where it stands.
bool world::cancel_operation() {
  std::vector<std::shared_ptr<operation>> some;
  for (const auto& each : model_.operations)
    if (!each->ended) some.push_back(each);
  if (some.empty()) return false;
  const auto one = chance_.pick(some);
  note(text_of(*one) + " is cancelled");
  one->doubtful = true;
  lost_.push_back(one);
  one->cancel.emit(asio::cancellation_type::terminal);
  return true;
}

}  // namespace peerage::sim
