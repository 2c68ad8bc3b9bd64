#include "netlink/device.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/wireguard.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <chrono>
#include <optional>
#include <utility>

#include "netlink/codec.h"
#include "netlink/route_codec.h"
#include "netlink/route_query.h"
#include "netlink/socket.h"

namespace peerage::netlink {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::seconds longest_hold = 10s;
constexpr std::chrono::seconds pause_before_listening_again = 1s;

/// Keeps apply() from disturbing a dump: it waits here between messages. A removal may end a dump
/// early, so a second try holds removals; the last holds everything. Shared by the two, so that an
/// abandoned coroutine of either finds it.
class gate {
 public:
  enum class holding { nothing, drops, everything };
  explicit gate(const asio::any_io_executor& loop) : opened_(loop) {}

  void hold(holding what) {
    holding_ = what;
    opened_.cancel();
  }
  bool is_open(bool for_drops) const {
    return holding_ == holding::nothing || (holding_ == holding::drops && !for_drops);
  }
  asio::steady_timer& opened() { return opened_; }

  // What went through so far, in messages.
  std::uint64_t changes = 0;
  std::uint64_t drops = 0;

 private:
  holding holding_ = holding::nothing;
  asio::steady_timer opened_;
};

/// Opens the gate at the end, however that comes.
struct opener {
  std::shared_ptr<gate> opened;
  ~opener() { opened->hold(gate::holding::nothing); }
};

task<> pass(std::shared_ptr<gate> through, bool drops) {
  const auto deadline = std::chrono::steady_clock::now() + longest_hold;
  while (!through->is_open(drops) && std::chrono::steady_clock::now() < deadline) {
    through->opened().expires_at(deadline);
    co_await through->opened().async_wait(asio::as_tuple(asio::use_awaitable));
  }
}

errc code_of(int number) {
  switch (number) {
    case ENODEV: return errc::unavailable;  // the interface has gone
    case ENOMEM: return errc::full;         // 2^20 peers, or no memory for another
    case EPERM:
    case EACCES: return errc::denied;
    case EOPNOTSUPP: return errc::unsupported;  // an interface, but not the kernel's WireGuard
    default: return errc::io;
  }
}

class kernel_device final : public device {
 public:
  kernel_device(asio::any_io_executor loop, std::string interface)
      : loop_(std::move(loop)),
        interface_(std::move(interface)),
        gate_(std::make_shared<gate>(loop_)) {
    // Opened now, so that they belong to the namespace that the device was made in.
    if (!connect()) return;
    if (auto opened = kernel_socket::open(NETLINK_GENERIC)) spare_.emplace(std::move(*opened));
    if (listen()) static_cast<void>(gone());
  }

  std::string_view kind() const override { return "kernel"; }
  std::uint32_t capacity() const override { return max_peers; }

  task<result<>> configure(secret_key private_key, std::uint16_t listen_port) override {
    if (auto connected = connect(); !connected) co_return connected;
    // As the device keeps it: a dump must not take another form of the key for another key.
    private_key = clamped(private_key);
    request message = encode_configure(family_, interface_, private_key, listen_port);
    const auto told =
        tell(message, "can't set the key and port " + std::to_string(listen_port) + " of ");
    if (told) configured_ = device_self{private_key, listen_port};
    co_return told;
  }

  task<result<>> apply(std::vector<device_change> changes) override {
    if (auto connected = connect(); !connected) co_return connected;
    change_encoder encoder(family_, interface_, changes);
    std::optional<request> message = encoder.next();
    while (message) {
      if (!gate_->is_open(encoder.drops())) co_await pass(gate_, encoder.drops());
      ++gate_->changes;
      if (encoder.drops()) ++gate_->drops;
      if (auto told = tell(*message, "can't change peers of "); !told) co_return told;
      message = encoder.next();
      if (message) co_await asio::post(loop_, asio::use_awaitable);
    }
    co_return result<>{};
  }

  task<result<>> dump(dump_taker& into) override;
  task<> lost() override;

 private:
  /// Opens the socket for changes where that has not been done.
  result<> connect() {
    if (socket_) return {};
    auto opened = kernel_socket::open(NETLINK_GENERIC);
    if (!opened) return std::unexpected(about(opened.error()));
    const auto family = resolve_family(*opened, WG_GENL_NAME);
    if (!family) return std::unexpected(about(family.error()));
    family_ = *family;
    socket_.emplace(std::move(*opened));
    return {};
  }

  result<> tell(request& message, const std::string& doing) {
    const auto answer = socket_->ask(message);
    if (!answer) return std::unexpected(about(answer.error()));
    if (answer->done()) return {};
    return fail(code_of(answer->number), doing + "interface " + interface_ + ": " + answer->text);
  }

  error about(error from) const {
    from.message = "interface " + interface_ + ": " + from.message;
    return from;
  }

  enum class dumped { whole, changed, in_part };  // changed: meanwhile, says the kernel
  task<result<dumped>> dump_once(kernel_socket& from, dump_taker& into);
  bool is_as_configured(const device_self& now) const;
  result<> listen();
  result<bool> gone();

  asio::any_io_executor loop_;
  std::string interface_;
  std::uint16_t family_ = 0;
  std::optional<kernel_socket> socket_;  // for changes
  std::optional<kernel_socket> spare_;   // for a dump; absent while one runs, or after a failed one
  std::optional<kernel_socket> links_;   // to ask for the interface
  std::optional<kernel_socket> news_;    // tells that some interface changed
  std::uint32_t index_ = 0;              // of the interface when it was last seen there; 0: never
  std::shared_ptr<gate> gate_;
  std::optional<device_self> configured_;
};

task<result<>> kernel_device::dump(dump_taker& into) {
  if (auto connected = connect(); !connected) co_return connected;
  // A dump that is given up leaves its socket full of answers: then the next opens another.
  std::optional<kernel_socket> socket;
  if (spare_) {
    socket.emplace(std::move(*spare_));
    spare_.reset();
  } else {
    auto opened = kernel_socket::open(NETLINK_GENERIC);
    if (!opened) co_return std::unexpected(about(opened.error()));
    socket.emplace(std::move(*opened));
  }
  const opener leaving{gate_};
  for (int i = 1; i <= dump_tries; ++i) {
    const std::uint64_t changes = gate_->changes, drops = gate_->drops;
    const auto whole = co_await dump_once(*socket, into);
    if (!whole) co_return std::unexpected(whole.error());
    // The kernel says so of any change meanwhile. One that made or changed a peer ends no dump
    // early, and disturbs no other peer; and these were ours.
    const bool ours_alone = gate_->changes != changes && gate_->drops == drops;
    if (*whole == dumped::whole || (*whole == dumped::changed && ours_alone)) {
      spare_.emplace(std::move(*socket));
      co_return result<>{};
    }
    gate_->hold(i + 1 < dump_tries ? gate::holding::drops : gate::holding::everything);
  }
  co_return fail(errc::unavailable,
                 "the peers of interface " + interface_ + " changed during each of five dumps");
}

task<result<kernel_device::dumped>> kernel_device::dump_once(kernel_socket& from,
                                                             dump_taker& into) {
  dump_decoder decoder;
  bool looked_at_itself = false;
  request asked = encode_dump(family_, interface_);
  into.begin();
  if (auto begun = from.begin_dump(asked); !begun) co_return std::unexpected(about(begun.error()));
  const message_taker take = [&](const message& found) { return decoder.add(found.payload); };
  for (;;) {
    auto part = from.read_dump(take);
    if (!part) co_return std::unexpected(about(part.error()));
    if (decoder.self() && !std::exchange(looked_at_itself, true)) {
      into.self(decoder.self()->private_key, decoder.self()->listen_port);
      if (!is_as_configured(*decoder.self())) into.altered();
    }
    for (const device_entry& each : part->finished ? decoder.take() : decoder.take_whole()) {
      into.take(each);
    }
    if (part->finished) {
      if (!part->answer.done()) {
        co_return fail(code_of(part->answer.number), "can't list the peers of interface " +
                                                         interface_ + ": " + part->answer.text);
      }
      co_return part->lossy ? dumped::in_part : part->interrupted ? dumped::changed : dumped::whole;
    }
    co_await asio::post(loop_, asio::use_awaitable);
  }
}

bool kernel_device::is_as_configured(const device_self& now) const {
  if (!configured_) return true;
  const bool same_port =
      configured_->listen_port == 0 || configured_->listen_port == now.listen_port;
  return same_port && now.private_key && *now.private_key == *configured_->private_key;
}

/// True when the interface that was there is not there any more, or another has its name.
result<bool> kernel_device::gone() {
  auto found = find_link(*links_, interface_);
  if (!found) return std::unexpected(found.error());
  const std::uint32_t now = *found ? (*found)->index : 0;
  if (index_ == 0) index_ = now;
  return now == 0 || now != index_;
}

result<> kernel_device::listen() {
  if (news_) return {};
  auto links = kernel_socket::open(NETLINK_ROUTE);
  if (!links) return std::unexpected(links.error());
  auto news = kernel_socket::open(NETLINK_ROUTE, RTMGRP_LINK);
  if (!news) return std::unexpected(news.error());
  links_.emplace(std::move(*links));
  news_.emplace(std::move(*news));
  return {};
}

task<> kernel_device::lost() {
  // Whatever is told of links, it is the interface itself that is looked at: then nothing is missed
  // when news were lost, or came before anybody waited.
  std::optional<asio::posix::stream_descriptor> waiter;
  for (;;) {
    bool listening = listen().has_value();
    if (listening) {
      news_->drain();
      const auto away = gone();
      if (away && *away) break;
      listening = away.has_value();
    }
    if (listening && !waiter) {
      waiter.emplace(loop_);
      boost::system::error_code refused;
      waiter->assign(fcntl(news_->descriptor(), F_DUPFD_CLOEXEC, 0), refused);
      if (refused) waiter.reset();
    }
    if (waiter && listening) {
      co_await waiter->async_wait(asio::posix::stream_descriptor::wait_read, asio::use_awaitable);
    } else {
      asio::steady_timer pause(loop_, pause_before_listening_again);
      co_await pause.async_wait(asio::use_awaitable);
    }
  }
  index_ = 0;
}

}  // namespace

bool kernel_has_wireguard() {
  auto socket = kernel_socket::open(NETLINK_GENERIC);
  return socket && resolve_family(*socket, WG_GENL_NAME);
}

std::unique_ptr<device> make_kernel_device(asio::any_io_executor loop, std::string interface) {
  return std::make_unique<kernel_device>(std::move(loop), std::move(interface));
}

}  // namespace peerage::netlink
