// The gateway's mind: hears changes from the bus, keeps the fence, writes the device, compares it
// with the store, and reports. One loop, one writer to the device: whatever the path by which a
// word came, the device is made equal to the ledger, key by key, many keys in one write.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "async/background.h"
#include "async/signal.h"
#include "plan/ledger.h"
#include "ports/bus.h"
#include "ports/clock.h"
#include "ports/device.h"
#include "ports/link.h"
#include "ports/store.h"

namespace peerage {

struct agent_options {
  gateway_name name;
  region_name region;
  std::uint16_t number = 0;
  seconds reconcile{30};
};

/// Makes the device ready: there, up, with its own key and port. Called at the start and whenever
/// the device was lost; harmless where all is well.
using bring_up = std::function<task<result<>>()>;

class agent final : public gateway_service {
 public:
  /// Everything given outlives the agent.
  agent(asio::any_io_executor loop, agent_options options, store& desired, bus& word, clock& time,
        device& tunnel, link& interface, bring_up ready);

  /// Brings the device up, serves the bus, and starts to compare. The first error of the device or
  /// the bus, in words. The first comparison goes on behind: see settled().
  task<result<>> start();

  /// Answers what is under way, then ends. The device keeps its peers.
  task<> stop();

  // From the bus.
  task<apply_reply> apply(apply_request request) override;
  task<status_reply> status(status_request request) override;

  /// Whether the device has been compared with the store since the start, and was in order when it
  /// was looked at last; where not, why.
  struct health {
    bool settled = false;
    std::string trouble;
  };
  health how() const { return {settled_, trouble_}; }
  std::size_t peers() const { return book_.peers(); }

 private:
  /// Keys that somebody waits for to be written.
  struct job {
    job(const asio::any_io_executor& loop, std::vector<public_key> wanted)
        : keys(std::move(wanted)), done(loop) {}
    std::vector<public_key> keys;
    signal done;
    bool ended = false;
    result<> outcome;
    std::chrono::nanoseconds device_time{};
  };

  std::shared_ptr<job> submit(std::vector<public_key> keys);
  task<> write_loop();
  task<> make_ready();
  std::vector<std::shared_ptr<job>> take_batch();
  task<> write_batch(std::vector<std::shared_ptr<job>> batch);
  task<result<>> write(const std::vector<std::shared_ptr<job>>& batch);
  result<> arrange_networks();
  link_plan networks_plan() const;
  change_result outcome_of(const peer_change& change, const hearing& heard, revision at,
                           const result<>& written) const;

  task<> compare_loop();
  task<result<>> compare();
  task<result<std::vector<stored_assignment>>> read_store(revision& as_of);
  task<> beat_loop();
  task<> watch_loop();
  task<> refresh_look();
  task<result<std::vector<device_entry>>> dump();

  asio::any_io_executor loop_;
  agent_options options_;
  store& store_;
  bus& bus_;
  clock& clock_;
  device& device_;
  link& link_;
  bring_up bring_up_;

  epoch epoch_;
  ledger book_;
  std::deque<std::shared_ptr<job>> waiting_;
  signal work_;
  signal compare_now_;
  bool ready_ = false;             // the device is there and configured
  link_plan arranged_;             // what the interface has now
  std::uint64_t arranged_at_ = 0;  // the ledger's count of network changes then
  revision applied_;               // up to here the device has all that the store said
  bool settled_ = false;
  std::string trouble_;

  struct look {
    std::vector<device_entry> entries;  // sorted by key
    steady_time at{};
    std::uint64_t since = 0;  // the ledger's count of words when it began
  };
  std::optional<look> last_look_;  // at the device, for status()
  bool dumping_ = false;
  signal dumped_;

  background background_;
};

}  // namespace peerage
