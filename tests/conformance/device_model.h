// What the device's conformance test does to a device, and what it sees of it afterwards.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ports/device.h"
#include "tests/conformance/runs.h"

namespace peerage::conformance {

struct device_step {
  enum class kind {
    apply,
    configure,         // by the port
    configure_beside,  // by another program: `wg set`
    endpoint,          // a packet of the peer came, as far as one can see: `wg set`, too
    lose,              // the device goes away
    bring_back,
  };
  kind what{};
  std::vector<device_change> changes = {};
  unsigned own = 0;  // number of a private key
  std::uint16_t port = 0;
  public_key peer = {};
};

std::vector<device_step> some_device_steps(chance& by);
/// Changes alone, and few: for a device that is nearly full.
std::vector<device_step> some_changes_of_a_full_device(chance& by);
/// A peer that is there to fill a device, and is left out of what is compared.
public_key filling_key(std::uint32_t number);
std::string text_of(const device_step& step);
secret_key own_key(unsigned number);

/// A device, and what can be done to it beside its port.
struct device_side {
  virtual ~device_side() = default;
  asio::io_context loop;
  std::unique_ptr<device> port;

  /// A device without key and peers, in `port`.
  virtual void begin() = 0;
  virtual void configure_beside(const secret_key& own, std::uint16_t listen_port) = 0;
  /// Makes the peer where it is not there.
  virtual void set_endpoint(const public_key& peer, const std::string& endpoint) = 0;
  virtual void lose() = 0;
  virtual void bring_back() = 0;
};

/// One side of a comparison, through one sequence.
class device_run {
 public:
  explicit device_run(device_side& of);
  ~device_run();
  device_run(const device_run&) = delete;
  device_run& operator=(const device_run&) = delete;

  /// The answer, whether lost() has returned, and the dump, as text.
  std::string take(const device_step& step);

 private:
  std::string act(const device_step& step);
  std::string look();
  void watch();
  bool run_until(const std::function<bool()>& done);

  device_side& of_;
  bool away_ = false;
  struct watcher;
  std::shared_ptr<watcher> watcher_;
};

/// What the sides answer differently; empty: nothing.
std::string difference(device_side& fake, device_side& real, const std::vector<device_step>& steps);

std::unique_ptr<device_side> make_fake_device_side(bool like_userspace);
std::unique_ptr<device_side> make_userspace_side();
std::unique_ptr<device_side> make_kernel_side();

/// Each with room for so many peers beside those that fill it, and never another device.
constexpr std::uint32_t room_left = 3;
std::unique_ptr<device_side> make_full_fake_side();
std::unique_ptr<device_side> make_full_userspace_side();

}  // namespace peerage::conformance
