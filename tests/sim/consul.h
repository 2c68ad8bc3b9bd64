// The Consul of the simulated fleet: tests/fakes/consul_kv, and the connections over which each
// process's own store (src/consul) reaches it. Each HTTP request is an open call: the seed decides
// when it reaches the server and when its answer arrives, and which of them are lost. Most reads
// are answered at once, so that steps are left for what matters.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "consul/requester.h"
#include "tests/fakes/consul_kv.h"
#include "tests/sim/calls.h"
#include "tests/sim/clock.h"
#include "tests/sim/records.h"

namespace peerage::sim {

/// The server, which outlives every process.
class consul_world {
 public:
  consul_world(const true_time& truth, open_calls& all, dice& from);

  fakes::consul_kv kv;
  records now{kv};
  const true_time& time;
  open_calls& calls;
  dice& chance;

  bool tracing = false;
  unsigned haste = 0;      // percent of reads that are answered at once
  unsigned confusion = 0;  // percent of blocking queries that are answered early
  bool quiet = false;      // everything but what blocks is answered at once
  bool lies = false;       // the next full listing lacks what its gateway has long known
  /// Whether a process can't reach the server.
  std::function<bool(const std::string& process)> cut_off;
  /// The index up to which a gateway's assignments may be left out of a full listing so that the
  /// gateway has reason not to believe it; 0: it would believe it.
  std::function<std::uint64_t(const std::string& gateway)> may_lie;
  /// Told of what each transaction changed: whose it was, and what became of which peers.
  std::function<void(const std::string& process, const std::vector<peer_changed>&)> on_change;

  /// The server answers.
  http::response answer(const std::string& process, const http::request& asked);
  /// A person's transaction.
  void write_by_hand(const std::vector<consul::operation>& operations);
  /// As `consul snapshot restore`. Queries that wait are answered with what there was before.
  void restore(const fakes::consul_kv::snapshot& from);
  /// Connections that are answered at once, for whoever sets the world up.
  consul::connector connect_at_once();
  /// The connections of a process.
  consul::connector connect(asio::any_io_executor loop, std::string process);

  /// Whether a request that has just been made is answered before anything else happens.
  bool answers_at_once(const std::string& process, const std::string& text, bool blocks);

 private:
  bool lied(const std::string& process, const http::request& asked);

  std::string who_;          // makes the transaction that is under way
  std::string lied_to_;      // a process that is reading everything
  std::uint64_t up_to_ = 0;  // it is lied to about what is as old as this
};

}  // namespace peerage::sim
