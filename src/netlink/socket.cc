#include "netlink/socket.h"

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "base/secret.h"

namespace peerage::netlink {
namespace {

// A dump comes in datagrams of at most 32 KiB, as long as whoever receives has room for that much.
constexpr std::size_t buffer_size = 64 * 1024;
constexpr int send_room = 256 * 1024;  // a message of 64 KiB and what the kernel adds to it
constexpr timeval patience{1, 0};

std::string words_of(int number) {
  return std::error_code(number, std::generic_category()).message();
}

std::unexpected<error> refused(const std::string& doing, int number) {
  const errc code = number == EPERM || number == EACCES         ? errc::denied
                    : number == EAGAIN || number == EWOULDBLOCK ? errc::timeout
                                                                : errc::io;
  const std::string words = code == errc::timeout ? "no answer within a second" : words_of(number);
  return fail(code, doing + ": " + words);
}

}  // namespace

void kernel_socket::closer::operator()(mnl_socket* socket) const {
  mnl_socket_close(socket);
}

kernel_socket::kernel_socket(mnl_socket* socket) : socket_(socket), buffer_(buffer_size) {}

kernel_socket::~kernel_socket() {
  wipe(buffer_.data(), buffer_.size());
}

result<kernel_socket> kernel_socket::open(int protocol, unsigned groups) {
  std::unique_ptr<mnl_socket, closer> raw(mnl_socket_open2(protocol, SOCK_CLOEXEC));
  if (!raw) return refused("can't open a netlink socket", errno);
  const int descriptor = mnl_socket_get_fd(raw.get());
  const int yes = 1;
  // Without the first an error repeats the whole request, and no buffer is large enough. The other
  // two only help: words in errors, and dumps of one interface rather than all.
  if (setsockopt(descriptor, SOL_NETLINK, NETLINK_CAP_ACK, &yes, sizeof yes) != 0 ||
      setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0) {
    return refused("can't set up a netlink socket", errno);
  }
  setsockopt(descriptor, SOL_NETLINK, NETLINK_EXT_ACK, &yes, sizeof yes);
  setsockopt(descriptor, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &yes, sizeof yes);
  int room = 0;
  socklen_t size = sizeof room;
  getsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &room, &size);
  if (room < send_room) {
    setsockopt(descriptor, SOL_SOCKET, SO_SNDBUFFORCE, &send_room, sizeof send_room);
  }
  if (mnl_socket_bind(raw.get(), groups, MNL_SOCKET_AUTOPID) != 0) {
    return refused("can't bind a netlink socket", errno);
  }
  return kernel_socket(raw.release());
}

int kernel_socket::descriptor() const {
  return mnl_socket_get_fd(socket_.get());
}

result<> kernel_socket::send(request& message) {
  message.set_sequence(++sequence_);
  for (;;) {
    const bytes_view bytes = message.bytes();
    if (mnl_socket_sendto(socket_.get(), bytes.data(), bytes.size()) >= 0) return {};
    if (errno != EINTR) return refused("can't send to the kernel", errno);
  }
}

std::expected<bytes_view, int> kernel_socket::receive() {
  for (;;) {
    const ssize_t size = mnl_socket_recvfrom(socket_.get(), buffer_.data(), buffer_.size());
    if (size >= 0) return bytes_view(buffer_.data(), static_cast<std::size_t>(size));
    if (errno != EINTR) return std::unexpected(errno);
  }
}

result<verdict> kernel_socket::ask(request& message, const message_taker& take) {
  message.add_flags(NLM_F_ACK);
  if (auto sent = send(message); !sent) return std::unexpected(sent.error());
  for (;;) {
    const auto datagram = receive();
    if (!datagram) return refused("the kernel's answer was lost", datagram.error());
    auto answer = read_answer(*datagram, sequence_, take);
    if (!answer) return std::unexpected(answer.error());
    if (*answer) return std::move(**answer);
  }
}

result<> kernel_socket::begin_dump(request& message) {
  auto sent = send(message);
  dump_ = dump_reader(sequence_);
  return sent;
}

result<dump_progress> kernel_socket::read_dump(const message_taker& take) {
  const auto datagram = receive();
  if (datagram) return dump_.add(*datagram, take);
  if (datagram.error() == ENOBUFS) return dump_.lose();
  return refused("the kernel's dump broke off", datagram.error());
}

result<verdict> kernel_socket::dump(request& message, const std::function<void()>& begin,
                                    const message_taker& take) {
  for (int i = 0; i < dump_tries; ++i) {
    begin();
    if (auto begun = begin_dump(message); !begun) return std::unexpected(begun.error());
    for (;;) {
      auto part = read_dump(take);
      if (!part) return std::unexpected(part.error());
      if (part->finished && !part->interrupted && !part->lossy) return std::move(part->answer);
      if (part->finished) break;
    }
  }
  return fail(errc::unavailable, "what the kernel lists changed during each of five dumps");
}

bool kernel_socket::drain(const std::function<bool(const message&)>& matters) {
  bool any = false;
  for (;;) {
    const ssize_t size = recv(descriptor(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    any = any || (size < 0 && errno == ENOBUFS);
    if (size < 0 && errno != EINTR && errno != ENOBUFS) return any;
    if (size <= 0 || !matters) continue;
    messages all(bytes_view(buffer_.data(), static_cast<std::size_t>(size)));
    while (const auto one = all.next()) any = matters(*one) || any;
  }
}

result<std::uint16_t> resolve_family(kernel_socket& socket, std::string_view name) {
  genlmsghdr header{};
  header.cmd = CTRL_CMD_GETFAMILY;
  header.version = 1;
  request asked(GENL_ID_CTRL, 0, bytes_of(header));
  asked.put_text(CTRL_ATTR_FAMILY_NAME, name);
  std::optional<std::uint16_t> number;
  const auto answer = socket.ask(asked, [&](const message& found) -> result<> {
    if (found.payload.size() < sizeof(genlmsghdr)) return {};
    attributes list(found.payload.subspan(sizeof(genlmsghdr)));
    while (const auto item = list.next()) {
      if (item->type == CTRL_ATTR_FAMILY_ID) number = read<std::uint16_t>(item->payload);
    }
    return {};
  });
  if (!answer) return std::unexpected(answer.error());
  if (answer->number == ENOENT) {
    return fail(errc::unsupported, "this kernel has no " + std::string(name));
  }
  if (!answer->done() || !number) {
    return fail(errc::io, "can't ask the kernel for " + std::string(name) + ": " + answer->text);
  }
  return *number;
}

}  // namespace peerage::netlink
