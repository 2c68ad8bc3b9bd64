// What a gateway's host keeps while its processes come and go: the device with its peers, the
// interface, the mirror's file. And the ports by which a process sees them.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>

#include "async/signal.h"
#include "ports/device.h"
#include "ports/link.h"
#include "ports/mirror.h"
#include "testing/device_rules.h"
#include "tests/sim/calls.h"

namespace peerage::sim {

struct device_world {
  bool present = false;
  fakes::device_peers peers;
  link_plan plan;
  unsigned mischief = 0;  // percent of writes that go wrong
  /// Told before each change is made: what it would take from whom is still to be seen.
  std::function<void(const device_change&)> on_change;

  void make(const device_change& change);
  /// As after a reboot, or when the interface was removed.
  void vanish();
  bool has(const device_peer& one) const;
};

struct mirror_world {
  struct version {
    std::optional<mirror_head> head;
    std::map<public_key, stored_assignment> peers;
  };
  version now;
  std::deque<version> before;  // those that a power cut may bring back, the newest last
  unsigned mischief = 0;       // percent of saves that fail
  void lose(std::size_t saves);
};

class sim_device final : public device {
 public:
  sim_device(asio::any_io_executor loop, device_world& at, open_calls& calls, std::string process)
      : loop_(loop), at_(at), calls_(calls), process_(std::move(process)), lost_(loop) {}

  std::string_view kind() const override { return "kernel"; }
  std::uint32_t capacity() const override { return 10'000; }
  task<result<>> configure(secret_key, std::uint16_t) override;
  task<result<>> apply(std::vector<device_change> changes) override;
  task<result<>> dump(dump_taker& into) override;
  task<> lost() override { return lost_.wait(); }

  task<result<>> bring_up();
  /// The host has lost it.
  void lose() { lost_.notify(); }

 private:
  asio::any_io_executor loop_;
  device_world& at_;
  open_calls& calls_;
  std::string process_;
  signal lost_;
  bool dumping_ = false;
};

class sim_link final : public link {
 public:
  sim_link(device_world& at, dice& chance) : at_(at), chance_(chance) {}
  const std::string& name() const override { return name_; }
  result<link_state> state() override {
    return link_state{at_.present, at_.present, at_.present, at_.present};
  }
  result<> create() override { return {}; }
  result<> remove() override { return {}; }
  result<> note_store(const std::string&) override { return {}; }
  result<> bring_up(std::uint32_t) override { return {}; }
  result<std::vector<link_refusal>> conflicts(const link_plan&) override {
    return std::vector<link_refusal>{};
  }
  result<std::vector<link_refusal>> arrange(const link_plan& plan) override;

 private:
  device_world& at_;
  dice& chance_;
  std::string name_ = "wg-sim";
};

class sim_mirror final : public mirror {
 public:
  sim_mirror(mirror_world& at, dice& chance) : at_(at), chance_(chance) {}
  result<std::optional<mirrored>> load() override;
  result<> save(const mirror_head& head, const std::vector<stored_assignment>& set,
                const std::vector<public_key>& erase) override;

 private:
  mirror_world& at_;
  dice& chance_;
};

}  // namespace peerage::sim
