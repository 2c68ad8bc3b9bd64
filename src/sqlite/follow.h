// How a gateway follows a store in its own process: the bus there loses nothing, so this is only
// the safety net, and tells the changes of some time together.
#pragma once

#include "async/signal.h"
#include "ports/store.h"
#include "sqlite/changes.h"
#include "sqlite/rows.h"

namespace peerage::sqlite {

/// What a follower shares with those who commit; on the loop.
struct news {
  news(const asio::any_io_executor& loop, revision now) : changes(now), many(loop) {}
  void note(revision at, const std::vector<touched>& keys);

  recent_changes changes;
  signal many;  // so many that it is time to tell them
};

/// A store of which a follower learns what there is of records that can't be read, too.
struct followed_store : store {
  /// As far as the network's record can be read.
  virtual result<network_part> part_of(const network_name& network) = 0;
  /// The keys of the peers that listings of a gateway have passed over since the last call.
  virtual std::vector<public_key> take_unreadable() = 0;
};

/// As store::follow(). A position is a revision, as text.
task<result<followed>> follow(followed_store& of, std::shared_ptr<news> from,
                              asio::any_io_executor loop, gateway_name gateway,
                              std::string position, steady_duration wait);
/// As store::assignments().
task<result<assigned>> assignments(followed_store& of, gateway_name gateway,
                                   std::vector<public_key> keys);

}  // namespace peerage::sqlite
