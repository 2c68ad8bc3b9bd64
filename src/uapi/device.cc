#include "uapi/device.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <unistd.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <cstdlib>
#include <optional>
#include <span>
#include <sstream>
#include <tuple>
#include <unordered_set>
#include <utility>

#include "uapi/codec.h"
#include "uapi/connection.h"
#include "uapi/process.h"

namespace peerage {
namespace {

using uapi::answer_kind;
using uapi::answer_reader;

constexpr std::uint32_t most_peers = 65'536;            // wireguard-go's MaxPeers
constexpr int refused_as_invalid = 22;                  // EINVAL: also what it says when it is full
constexpr auto apply_limit = std::chrono::seconds(15);  // for one request, at most 1 MiB
constexpr auto dump_limit = std::chrono::seconds(60);

class wireguard_process_device final : public userspace_device {
 public:
  wireguard_process_device(asio::any_io_executor loop, userspace_options options,
                           const std::string& path)
      : name_(options.interface),
        process_(loop, {options.interface, options.program, options.run_dir, options.log_file}),
        writes_(loop, path),
        reads_(loop, path),
        watch_(loop, path),
        first_(loop, steady_time::max()) {}

  std::string_view kind() const override { return "userspace"; }
  std::uint32_t capacity() const override { return most_peers; }

  task<result<>> ensure_running() override;
  task<result<>> configure(secret_key private_key, std::uint16_t listen_port) override;
  task<result<>> apply(std::vector<device_change> changes) override;
  task<result<>> dump(dump_taker& into) override;
  task<> lost() override;

 private:
  // Before the first start there is nothing to lose; a dead process is not reconnected to unasked.
  enum class state { never_seen, running, gone };

  task<result<>> connect(pid_t listener);
  task<result<>> ask(uapi::connection& on, std::string_view request, answer_reader& answer,
                     steady_duration limit);
  task<result<int>> set(const secret_text& request);
  task<result<int>> apply_parts(std::span<const device_change>& rest);
  task<result<>> apply_at_capacity(std::span<const device_change> changes);
  task<result<uapi::device_answer>> read_device(uapi::connection& on);
  result<> refusal(int error_number, std::string_view doing) const;

  std::string name_;
  uapi::process process_;
  uapi::connection writes_;   // apply() and configure()
  uapi::connection reads_;    // dump()
  uapi::connection watch_;    // idle; its end is the process's
  asio::steady_timer first_;  // never expires; cancelled when the process was first seen
  state state_ = state::never_seen;
  // As configure() was told last.
  std::optional<secret_key> private_key_;
  std::uint16_t listen_port_ = 0;
  pid_t listener_ = 0;  // whom the connections are bound to
};

task<result<>> wireguard_process_device::ensure_running() {
  const auto listener = co_await process_.ensure();
  if (!listener) co_return std::unexpected(listener.error());
  co_return co_await connect(*listener);
}

task<result<>> wireguard_process_device::connect(pid_t listener) {
  const std::array all{&watch_, &writes_, &reads_};
  if (state_ != state::running || listener_ != listener) {
    if (state_ == state::running) state_ = state::gone;
    listener_ = listener;
    // A waiting lost() returns now, before this has become the new process's state.
    for (uapi::connection* each : all) each->close();
    for (uapi::connection* each : all) each->bind_to(listener);
  }
  // The watch first: whatever dies from here on is seen by it.
  for (uapi::connection* each : all) {
    const auto open = co_await each->open();
    if (!open) co_return std::unexpected(open.error());
  }
  state_ = state::running;
  first_.cancel();
  co_return result<>{};
}

task<result<>> wireguard_process_device::ask(uapi::connection& on, std::string_view request,
                                             answer_reader& answer, steady_duration limit) {
  if (state_ != state::running)
    co_return fail(errc::unavailable, "the userspace WireGuard of " + name_ + " does not run");
  auto asked = co_await on.ask(request, answer, limit);
  if (!asked && asked.error().code == errc::unavailable) {
    state_ = state::gone;
    watch_.close();  // so that lost() says the same
  }
  co_return asked;
}

result<> wireguard_process_device::refusal(int error_number, std::string_view doing) const {
  return uapi::check_errno(error_number, std::string(doing) + " on " + name_);
}

// The errno it was answered with.
task<result<int>> wireguard_process_device::set(const secret_text& request) {
  answer_reader answer(answer_kind::acknowledgement);
  const auto asked = co_await ask(writes_, request.reveal(), answer, apply_limit);
  if (!asked) co_return std::unexpected(asked.error());
  co_return answer.error_number();
}

task<result<uapi::device_answer>> wireguard_process_device::read_device(uapi::connection& on) {
  answer_reader answer(answer_kind::device);
  const auto asked = co_await ask(on, uapi::get_request, answer, dump_limit);
  if (!asked) co_return std::unexpected(asked.error());
  const auto fine = refusal(answer.error_number(), "reading the peers");
  if (!fine) co_return std::unexpected(fine.error());
  co_return answer.take();
}

// Only what differs is written: setting the port it has already would close the UDP sockets.
task<result<>> wireguard_process_device::configure(secret_key private_key,
                                                   std::uint16_t listen_port) {
  const auto now = co_await read_device(writes_);
  if (!now) co_return std::unexpected(now.error());
  // As the device keeps it: another form of the same key is no change.
  private_key = clamped(private_key);
  std::optional<secret_key> new_key;
  std::optional<std::uint16_t> new_port;
  if (now->private_key != private_key) new_key = private_key;
  if (listen_port != 0 && now->listen_port != listen_port) new_port = listen_port;
  private_key_ = private_key;
  listen_port_ = listen_port;
  if (!new_key && !new_port) co_return result<>{};
  const secret_text request = uapi::encode_configure(new_key, new_port);
  const auto answered = co_await set(request);
  if (!answered) co_return std::unexpected(answered.error());
  co_return refusal(*answered, "setting the key and UDP port " + std::to_string(listen_port));
}

task<result<>> wireguard_process_device::apply(std::vector<device_change> changes) {
  std::span<const device_change> rest(changes);
  const auto answered = co_await apply_parts(rest);
  if (!answered) co_return std::unexpected(answered.error());
  if (*answered == refused_as_invalid) co_return co_await apply_at_capacity(rest);
  co_return refusal(*answered, "setting peers");
}

// Takes from `rest` what was acknowledged. The errno that ended it; 0 when nothing is left.
task<result<int>> wireguard_process_device::apply_parts(std::span<const device_change>& rest) {
  while (!rest.empty()) {
    const auto part = rest.first(uapi::fitting(rest));
    const secret_text request = uapi::encode_changes(part);
    auto answered = co_await set(request);
    if (!answered || *answered != 0) co_return answered;
    rest = rest.subspan(part.size());
  }
  co_return 0;
}

// It says the same of a full device as of a bad value, so the peers are counted; and what fits is
// made, since the refused request stopped in its middle.
task<result<>> wireguard_process_device::apply_at_capacity(std::span<const device_change> changes) {
  const auto now = co_await read_device(writes_);
  if (!now) co_return std::unexpected(now.error());
  std::unordered_set<public_key> present;
  for (const device_entry& entry : now->peers) present.insert(entry.peer.public_key);
  const auto plan = uapi::fit_to_capacity(changes, std::move(present), most_peers);
  std::span<const device_change> rest(plan.changes);
  const auto answered = co_await apply_parts(rest);
  if (!answered) co_return std::unexpected(answered.error());
  const auto fine = refusal(*answered, "setting peers");
  if (!fine || plan.left_out == 0) co_return fine;
  co_return fail(errc::full, name_ + " has " + std::to_string(most_peers) +
                                 " peers, all that a userspace WireGuard can hold, and " +
                                 std::to_string(plan.left_out) + " more did not fit");
}

task<result<>> wireguard_process_device::dump(dump_taker& into) {
  into.begin();
  const auto now = co_await read_device(reads_);
  if (!now) co_return std::unexpected(now.error());
  into.self(now->private_key, now->listen_port);
  const bool same_port = listen_port_ == 0 || now->listen_port == listen_port_;
  if (private_key_ && (now->private_key != private_key_ || !same_port)) into.altered();
  for (const device_entry& each : now->peers) into.take(each);
  co_return result<>{};
}

task<> wireguard_process_device::lost() {
  if (state_ == state::never_seen) {
    std::ignore = co_await first_.async_wait(asio::as_tuple(asio::use_awaitable));
    const auto cancelled = co_await asio::this_coro::cancellation_state;
    if (cancelled.cancelled() != asio::cancellation_type::none)
      throw boost::system::system_error(asio::error::operation_aborted);
  }
  co_await watch_.closed();
  state_ = state::gone;
  co_await process_.reap();
}

}  // namespace

bool userspace_has(const std::string& interface, const std::string& run_dir) {
  const auto path = uapi::socket_path(run_dir, interface);
  sockaddr_un address{};
  if (!path || path->size() >= sizeof address.sun_path) return false;
  address.sun_family = AF_UNIX;
  path->copy(address.sun_path, path->size());  // the rest is zero
  const int asking = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (asking < 0) return false;
  const bool reached =
      ::connect(asking, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  // One that this user may not ask, or that has many at its door, is there.
  const bool there = reached || errno == EACCES || errno == EAGAIN;
  ::close(asking);
  return there;
}

result<> can_run_userspace(const std::string& program) {
  if (::access("/dev/net/tun", F_OK) != 0) {
    return fail(
        errc::unsupported,
        "there is no WireGuard in this kernel and no /dev/net/tun for one in userspace: load "
        "the module (modprobe tun) or give the container the device");
  }
  const char* const path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "/usr/local/bin:/usr/bin:/bin" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (::access((folder + "/" + program).c_str(), X_OK) == 0) return {};
  }
  return fail(errc::unsupported, "there is no WireGuard in this kernel, and no " + program +
                                     ": install it (apt install " + program + ")");
}

std::unique_ptr<userspace_device> make_userspace_device(asio::any_io_executor loop,
                                                        userspace_options options) {
  // A bad name has no path: it is refused when the process is asked for, and so never connected to.
  const auto path = uapi::socket_path(options.run_dir, options.interface);
  return std::make_unique<wireguard_process_device>(std::move(loop), std::move(options),
                                                    path.value_or(std::string()));
}

}  // namespace peerage
