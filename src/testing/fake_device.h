// A WireGuard device in memory, with a notebook of what was asked of it and a list of ways to fail.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "async/signal.h"
#include "ports/device.h"
#include "ports/link.h"
#include "testing/device_rules.h"
#include "testing/fake_clock.h"

namespace peerage::fakes {

class fake_device final : public device {
 public:
  explicit fake_device(const asio::any_io_executor& loop) : released_(loop), lost_(loop) {}

  std::string_view kind() const override { return "fake"; }
  std::uint32_t capacity() const override { return capacity_; }
  task<result<>> configure(secret_key private_key, std::uint16_t listen_port) override;
  task<result<>> apply(std::vector<device_change> changes) override;
  task<result<>> dump(dump_taker& into) override;
  task<> lost() override { return lost_.wait(); }

  // What a test sets up and looks at.
  device_peers peers;
  std::vector<std::size_t> batches;  // the size of each apply()
  std::size_t dumps = 0;
  std::size_t fail_next = 0;  // so many calls of apply() fail
  bool half_apply = false;    // a failing one makes its first half first
  bool held = false;          // apply() waits for release()
  bool dumps_held = false;    // dump() does
  bool altered = false;       // somebody changed its own key or port, until configure()
  std::uint32_t capacity_ = 1'000;
  // Where the two kinds differ. Userspace makes what fits after a peer that does not, and ignores a
  // peer with an all-zero key until it has a key of its own; the kernel does neither.
  bool like_userspace = false;
  // What one change takes, by this clock; none: no time.
  fake_clock* time = nullptr;
  std::chrono::microseconds strip_takes{0};
  std::chrono::microseconds drop_takes{0};

  void release() {
    held = dumps_held = false;
    released_.notify();
  }
  /// Its own key and port change, by another hand than configure().
  void configure_beside(const secret_key& private_key, std::uint16_t listen_port);
  /// As when the process dies: the peers are gone, and its own key; lost() returns, everything is
  /// unavailable.
  void vanish();
  /// As when it was brought up again.
  void come_back() { gone_ = false; }
  bool has(const public_key& key) const { return peers.contains(key); }

 private:
  void take_own(const secret_key& private_key);
  std::optional<public_key> ignored() const;
  std::chrono::microseconds cost_of(const std::vector<device_change>& changes) const;
  signal released_;
  signal lost_;
  std::optional<public_key> own_;
  std::optional<std::pair<secret_key, std::uint16_t>> configured_;
  bool gone_ = false;
  bool dumping_ = false;
};

/// An interface that remembers what it was asked to be.
class fake_link final : public link {
 public:
  const std::string& name() const override { return name_; }
  result<link_state> state() override { return now; }
  result<> create() override;
  result<> remove() override;
  result<> note_store(const std::string& epoch) override;
  result<> bring_up(std::uint32_t mtu) override;
  result<std::vector<link_refusal>> conflicts(const link_plan& plan) override;
  result<std::vector<link_refusal>> arrange(const link_plan& plan) override;

  link_state now;
  link_plan plan;
  std::size_t arranged = 0;
  bool refuse = false;          // arrange() fails
  std::vector<prefix> of_host;  // what overlaps one of these is a conflict
  std::vector<prefix> refused;  // routes and addresses that arrange() can't have

 private:
  std::string name_ = "wg-fake";
};

}  // namespace peerage::fakes
