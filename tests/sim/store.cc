#include "tests/sim/store.h"

#include <algorithm>
#include <charconv>

#include "tests/sim/follow.h"

namespace peerage::sim {
namespace {

/// The answer of a call is what `look` sees, when the seed lets it look.
template <class T, class Look>
void answer_with(const std::shared_ptr<call_for<T>>& call, Look look) {
  call->act = [weak = std::weak_ptr(call), look = std::move(look)](dice& chance) mutable {
    result<T> seen = look(chance);
    if (const auto waiting = weak.lock()) waiting->answer.emplace(std::move(seen));
    return true;
  };
}

std::string text_of_writes(const transaction& writes) {
  std::string text = "commit";
  for (const write& one : writes) {
    if (const auto* adding = std::get_if<put>(&one)) {
      text += " put " + text_of(key_of(adding->value));
    } else {
      text += " remove " + text_of(std::get<removal>(one).key);
    }
  }
  return text;
}

}  // namespace

result<revision> store_world::commit(const std::string& who, const transaction& writes) {
  auto done = now.commit(writes, std::exchange(joining, false));
  if (!done) return std::unexpected(std::move(done.error()));
  if (on_commit) on_commit(who, *done);
  return done->at;
}

template <class T>
std::shared_ptr<call_for<T>> sim_store::begin(std::string text) {
  return std::make_shared<call_for<T>>(loop_, process_, port::store, std::move(text));
}

task<result<revision>> sim_store::commit(transaction writes) {
  auto mine = begin<revision>(text_of_writes(writes));
  mine->writing = true;
  answer_with(mine, [&in = in_, who = process_, writes = std::move(writes)](dice&) {
    return in.commit(who, writes);
  });
  co_return co_await until_answered(in_.calls, std::move(mine));
}

task<result<std::optional<stored<record>>>> sim_store::get(record_key key) {
  auto mine = begin<std::optional<stored<record>>>("get " + text_of(key));
  answer_with(mine, [&in = in_, key = std::move(key)](dice&) {
    return result<std::optional<stored<record>>>(in.now.find(key));
  });
  co_return co_await until_answered(in_.calls, std::move(mine));
}

task<result<std::optional<stored<record>>>> sim_store::find_peer(gateway_name gateway,
                                                                 public_key key) {
  auto mine = begin<std::optional<stored<record>>>("find peer");
  answer_with(mine, [&in = in_, gateway = std::move(gateway), key](dice&) {
    std::optional<stored<record>> found;
    in.now.each_peer([&](const peer& one, revision at) {
      if (one.gateway == gateway && one.public_key == key) found = stored<record>{one, at};
    });
    return result<std::optional<stored<record>>>(std::move(found));
  });
  co_return co_await until_answered(in_.calls, std::move(mine));
}

task<result<page>> sim_store::list(page_query query) {
  auto mine = begin<page>("list");
  mine->act = [&in = in_, weak = std::weak_ptr(mine), query = std::move(query),
               as_of = std::optional<revision>()](dice&) mutable {
    // The index is read first, so that the items hold all that it speaks of.
    if (!as_of) {
      as_of = in.now.whole();
      return false;
    }
    page made = in.now.list(query);
    made.as_of = *as_of;
    if (const auto waiting = weak.lock()) waiting->answer.emplace(std::move(made));
    return true;
  };
  co_return co_await until_answered(in_.calls, std::move(mine));
}

task<result<followed>> sim_store::follow(gateway_name gateway, std::string position,
                                         steady_duration wait) {
  auto mine = begin<followed>("follow " + gateway.text() + " from " + position);
  auto reading = std::make_shared<following>(in_, gateway, position, in_.time.steady + wait);
  mine->ready = [reading] { return reading->ready(); };
  mine->act = [reading, weak = std::weak_ptr(mine)](dice& chance) {
    auto seen = reading->look(chance);
    if (!seen) return false;
    if (const auto waiting = weak.lock()) waiting->answer.emplace(*std::move(seen));
    return true;
  };
  co_return co_await until_answered(in_.calls, std::move(mine));
}

task<result<assigned>> sim_store::assignments(gateway_name gateway, std::vector<public_key> keys) {
  auto mine = begin<assigned>("assignments of " + std::to_string(keys.size()));
  mine->act = [&in = in_, weak = std::weak_ptr(mine), gateway = std::move(gateway),
               keys = std::move(keys), as_of = std::optional<revision>()](dice&) mutable {
    if (!as_of) {
      as_of = in.now.whole();
      return false;
    }
    assigned made;
    const std::set<public_key> wanted(keys.begin(), keys.end());
    made.peers = in.now.on(gateway, &wanted);
    made.keys = keys;
    made.as_of = *as_of;
    if (const auto waiting = weak.lock()) waiting->answer.emplace(std::move(made));
    return true;
  };
  co_return co_await until_answered(in_.calls, std::move(mine));
}

task<result<>> sim_store::claim(gateway_name gateway, claimant who) {
  auto mine = begin<void>("claim " + gateway.text());
  mine->writing = true;
  answer_with(mine, [&in = in_, gateway = std::move(gateway), who = std::move(who)](dice&) {
    const auto found = in.now.claims.find(gateway);
    if (found != in.now.claims.end() && found->second.instance != who.instance) {
      return result<>(fail(errc::conflict, gateway.text() + " is run by " + found->second.where));
    }
    in.now.claims[gateway] = who;
    return result<>();
  });
  co_return co_await until_answered(in_.calls, std::move(mine));
}

task<> sim_store::release(gateway_name gateway) {
  auto mine = begin<void>("release " + gateway.text());
  answer_with(mine, [&in = in_, gateway = std::move(gateway)](dice&) {
    in.now.claims.erase(gateway);
    return result<>();
  });
  (void)co_await until_answered(in_.calls, std::move(mine));
}

task<result<epoch>> sim_store::identity() {
  auto mine = begin<epoch>("identity");
  answer_with(mine, [&in = in_](dice&) { return result<epoch>(epoch{in.now.epoch}); });
  co_return co_await until_answered(in_.calls, std::move(mine));
}

}  // namespace peerage::sim
