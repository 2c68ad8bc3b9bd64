// The userspace device with a real wireguard-go, each test in namespaces of its own: the network's,
// and a private mount of the folder of its sockets, which is a path that namespaces share. Root.
#include "uapi/device.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "testing/collect.h"
#include "tests/contract/device_contract.h"
#include "tests/contract/own_namespaces.h"

namespace peerage {
namespace {

using namespace std::chrono_literals;
using contract::must;
using contract::userspace_place;

constexpr const char* interface = "wgcontract0";

struct private_place : userspace_place {
  private_place() : userspace_place(interface) {}
};

result<> ensure(asio::io_context& loop, userspace_device& device) {
  std::optional<result<>> outcome;
  asio::co_spawn(loop, device.ensure_running(),
                 [&](std::exception_ptr, result<> value) { outcome = std::move(value); });
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  loop.restart();
  while (!outcome && loop.run_one_until(deadline) != 0) {}
  return outcome.value_or(fail(errc::timeout, "the test's own deadline"));
}

std::unique_ptr<private_place> place;

std::unique_ptr<device> make_device(asio::io_context& loop) {
  place = std::make_unique<private_place>();
  auto made = make_userspace_device(loop.get_executor(), place->options());
  const auto running = ensure(loop, *made);
  if (!running) throw std::runtime_error(running.error().message);
  return made;
}

const device_backend backend{
    .name = "userspace",
    .kind = "userspace",
    .make = make_device,
    .take_away = [] { place->kill_process(); },
    .after = [] { place.reset(); },
};

INSTANTIATE_TEST_SUITE_P(userspace, device_contract, testing::Values(backend), name_of_backend);
INSTANTIATE_TEST_SUITE_P(userspace, device_capacity, testing::Values(backend), name_of_backend);

device_peer peer(std::uint32_t number) {
  std::array<std::uint8_t, key_size> bytes{};
  std::memcpy(bytes.data(), &number, sizeof number);
  bytes.back() = 0x40;
  return {public_key(bytes), {}, {prefix::host(ip_address::v4(0x0a000000 + number))}};
}

std::vector<device_change> peers(std::uint32_t first, std::uint32_t count) {
  std::vector<device_change> changes;
  for (std::uint32_t i = 0; i < count; ++i) changes.emplace_back(set_peer{peer(first + i)});
  return changes;
}

secret_key own_key() {
  std::array<std::uint8_t, key_size> bytes{};
  bytes.fill(0x48);
  return secret_key(bytes);
}

class userspace_device_test : public testing::Test {
 protected:
  userspace_device_test() : device_(make()) {}

  std::unique_ptr<userspace_device> make() {
    return make_userspace_device(loop_.get_executor(), place_.options());
  }
  void start() {
    const auto running = ensure(loop_, *device_);
    ASSERT_TRUE(running) << running.error().message;
  }

  template <class T>
  T finish(task<T> work) {
    std::optional<T> outcome;
    asio::co_spawn(loop_, std::move(work),
                   [&](std::exception_ptr, T value) { outcome = std::move(value); });
    run_until([&] { return outcome.has_value(); });
    return std::move(outcome).value();
  }
  void run_until(const std::function<bool()>& done) {
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    loop_.restart();
    while (!done() && loop_.run_one_until(deadline) != 0) {}
    ASSERT_TRUE(done());
  }

  errc failure(std::vector<device_change> changes) {
    const auto applied = finish(device_->apply(std::move(changes)));
    EXPECT_FALSE(applied);
    return applied ? errc{} : applied.error().code;
  }
  void apply(std::vector<device_change> changes) {
    const auto applied = finish(device_->apply(std::move(changes)));
    EXPECT_TRUE(applied) << applied.error().message;
  }
  std::size_t count() {
    const auto all = finish(fakes::collect(*device_));
    EXPECT_TRUE(all) << all.error().message;
    return all ? all->size() : 0;
  }

  private_place place_;
  asio::io_context loop_;
  std::unique_ptr<userspace_device> device_;
};

TEST_F(userspace_device_test, is_away_before_it_was_ensured) {
  EXPECT_EQ(failure(peers(1, 1)), errc::unavailable);
  const auto dumped = finish(fakes::collect(*device_));
  ASSERT_FALSE(dumped);
  EXPECT_EQ(dumped.error().code, errc::unavailable);
  EXPECT_EQ(place_.process(), 0);
}

TEST_F(userspace_device_test, process_outlives_the_object_and_is_found_again_with_its_peers) {
  start();
  apply(peers(1, 3));
  const pid_t process = place_.process();
  device_ = make();
  start();
  EXPECT_EQ(place_.process(), process);
  EXPECT_EQ(count(), 3U);
}

TEST_F(userspace_device_test, ensuring_what_runs_changes_nothing) {
  start();
  apply(peers(1, 3));
  const pid_t process = place_.process();
  start();
  EXPECT_EQ(place_.process(), process);
  EXPECT_EQ(count(), 3U);
}

TEST_F(userspace_device_test, a_killed_process_is_lost_reaped_and_started_anew) {
  start();
  apply(peers(1, 3));
  for (int round = 0; round < 3; ++round) {
    const pid_t process = place_.process();
    ASSERT_NE(process, 0);
    bool lost = false;
    asio::co_spawn(loop_, device_->lost(), [&](std::exception_ptr) { lost = true; });
    ::kill(process, SIGKILL);
    run_until([&] { return lost; });
    EXPECT_EQ(::kill(process, 0), -1) << "no zombie is left";
    EXPECT_EQ(failure(peers(1, 1)), errc::unavailable);
    start();
    EXPECT_NE(place_.process(), process);
    EXPECT_EQ(count(), 0U);
    apply(peers(1, 2));
    EXPECT_EQ(count(), 2U);
  }
}

TEST_F(userspace_device_test, a_process_that_another_started_anew_is_not_taken_for_the_old_one) {
  start();
  place_.kill_process();
  const auto other = make();
  const auto running = ensure(loop_, *other);
  ASSERT_TRUE(running) << running.error().message;
  EXPECT_EQ(failure(peers(1, 1)), errc::unavailable);
  start();
  EXPECT_EQ(count(), 0U);
}

TEST_F(userspace_device_test, a_loss_before_anyone_waited_is_told_at_once) {
  start();
  place_.kill_process();
  EXPECT_EQ(failure(peers(1, 1)), errc::unavailable);
  bool lost = false;
  asio::co_spawn(loop_, device_->lost(), [&](std::exception_ptr) { lost = true; });
  run_until([&] { return lost; });
}

TEST_F(userspace_device_test, another_namespaces_process_is_refused) {
  start();
  must(::unshare(CLONE_NEWNET) == 0, "unshare");
  device_ = make();
  const auto running = ensure(loop_, *device_);
  ASSERT_FALSE(running);
  EXPECT_EQ(running.error().code, errc::conflict);
  EXPECT_TRUE(running.error().message.contains("another network namespace"))
      << running.error().message;
}

TEST_F(userspace_device_test, an_interface_that_has_the_name_already_is_refused) {
  const int tun = ::open("/dev/net/tun", O_RDWR | O_CLOEXEC);
  ifreq request{};
  std::strncpy(request.ifr_name, interface, IFNAMSIZ - 1);
  request.ifr_flags = 0x0001;  // IFF_TUN
  must(::ioctl(tun, _IOW('T', 202, int), &request) == 0, "TUNSETIFF");
  const auto running = ensure(loop_, *device_);
  ASSERT_FALSE(running);
  EXPECT_EQ(running.error().code, errc::conflict) << running.error().message;
  ::close(tun);
}

// The inode of the UDP socket on the port, from the kernel's own table; 0 where there is none.
unsigned long udp_socket(std::uint16_t port) {
  std::ifstream table("/proc/thread-self/net/udp");
  for (std::string row; std::getline(table, row);) {
    std::istringstream words(row);
    std::string slot, local, skip;
    unsigned long inode = 0;
    words >> slot >> local;
    for (int i = 0; i < 7; ++i) words >> skip;
    words >> inode;
    const std::size_t colon = local.find(':');
    if (colon != std::string::npos && words &&
        std::stoul(local.substr(colon + 1), nullptr, 16) == port)
      return inode;
  }
  return 0;
}

TEST_F(userspace_device_test, configuring_the_same_again_keeps_the_udp_socket) {
  start();
  ASSERT_TRUE(finish(device_->configure(own_key(), 51820)));
  const int control = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq request{};
  std::strncpy(request.ifr_name, interface, IFNAMSIZ - 1);
  request.ifr_flags = IFF_UP;
  must(::ioctl(control, SIOCSIFFLAGS, &request) == 0, "bringing the interface up");
  ::close(control);
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (udp_socket(51820) == 0 && std::chrono::steady_clock::now() < deadline) count();
  const unsigned long socket = udp_socket(51820);
  ASSERT_NE(socket, 0U);
  ASSERT_TRUE(finish(device_->configure(own_key(), 51820)));
  EXPECT_EQ(udp_socket(51820), socket);
  ASSERT_TRUE(finish(device_->configure(own_key(), 51821)));
  EXPECT_EQ(udp_socket(51820), 0U);
  EXPECT_NE(udp_socket(51821), 0U);
}

TEST_F(userspace_device_test, a_full_device_still_drops_and_takes_what_fits) {
  start();
  const std::uint32_t capacity = device_->capacity();
  apply(peers(1, capacity));
  EXPECT_EQ(count(), capacity);
  apply({drop_peer{peer(capacity + 1).public_key}});  // not there
  apply(peers(1, 3));                                 // there already
  EXPECT_EQ(failure(peers(capacity + 1, 1)), errc::full);
  // One of the two fits, once the drop behind them is made.
  auto changes = peers(capacity + 1, 1);
  changes.emplace_back(drop_peer{peer(1).public_key});
  changes.emplace_back(set_peer{peer(capacity + 2)});
  EXPECT_EQ(failure(std::move(changes)), errc::full);
  EXPECT_EQ(count(), capacity);
  EXPECT_EQ(failure(peers(capacity + 2, 2)), errc::full);
}

}  // namespace
}  // namespace peerage
