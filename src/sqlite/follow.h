// How a gateway follows a store in its own process: the bus there loses nothing, so this is only
// the safety net, and tells the changes of some time together.
#pragma once

#include "async/signal.h"
#include "ports/store.h"
#include "sqlite/changes.h"

namespace peerage::sqlite {

/// What a follower shares with those who commit; on the loop.
struct news {
  news(const asio::any_io_executor& loop, revision now) : changes(now), many(loop) {}
  void note(revision at, const std::vector<touched>& keys);

  recent_changes changes;
  signal many;  // so many that it is time to tell them
};

/// As store::follow(). A position is a revision, as text.
task<result<followed>> follow(store& of, std::shared_ptr<news> from, asio::any_io_executor loop,
                              gateway_name gateway, std::string position, steady_duration wait);
/// As store::assignments().
task<result<assigned>> assignments(store& of, gateway_name gateway, std::vector<public_key> keys);

}  // namespace peerage::sqlite
