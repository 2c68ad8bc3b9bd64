#include "uapi/process.h"

#include <fcntl.h>
#include <net/if.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <system_error>
#include <utility>

#include "uapi/connection.h"

namespace peerage::uapi {
namespace {

constexpr auto step = std::chrono::milliseconds(5);
constexpr int most_starts = 3;
constexpr std::size_t last_words_size = 1024;  // bytes
constexpr off_t longest_log = 1024 * 1024;     // bytes; a start empties a longer one

std::string words_for(int number) {
  return std::generic_category().message(number);
}

// A file descriptor of this scope.
class opened_file {
 public:
  explicit opened_file(int descriptor) : descriptor_(descriptor) {}
  opened_file(const opened_file&) = delete;
  opened_file& operator=(const opened_file&) = delete;
  ~opened_file() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  int get() const { return descriptor_; }

 private:
  int descriptor_;
};

// How the program begins its life: a session of its own, no descriptor and no signal setting of
// ours, the root folder, its words into the log.
class spawn_plan {
 public:
  explicit spawn_plan(int log) {
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, log, 1);
    posix_spawn_file_actions_adddup2(&actions, log, 2);
    posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    posix_spawn_file_actions_addchdir_np(&actions, "/");
    posix_spawnattr_init(&attributes);
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  spawn_plan(const spawn_plan&) = delete;
  spawn_plan& operator=(const spawn_plan&) = delete;
  ~spawn_plan() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }

  posix_spawn_file_actions_t actions{};
  posix_spawnattr_t attributes{};
};

bool same_network_namespace(pid_t other) {
  struct stat ours{};
  struct stat theirs{};
  if (::stat("/proc/self/ns/net", &ours) != 0) return true;
  const std::string path = "/proc/" + std::to_string(other) + "/ns/net";
  if (::stat(path.c_str(), &theirs) != 0) return true;  // not to be seen from here
  return ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev;
}

}  // namespace

result<std::string> socket_path(std::string_view run_dir, std::string_view interface) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_=+.-").contains(c);
  };
  const bool sound = !interface.empty() && interface.size() < IFNAMSIZ && interface != "." &&
                     interface != ".." && std::ranges::all_of(interface, allowed);
  if (!sound)
    return fail(errc::invalid,
                "an interface's name must be 1 to 15 of a-z, A-Z, 0-9 and _=+.-, and not . or ..",
                "interface");
  return std::string(run_dir) + "/" + std::string(interface) + ".sock";
}

error explain_exit(std::string_view program, std::string_view interface, std::string_view words) {
  const std::string begin = std::string(program) + " could not make " + std::string(interface);
  const std::string end = words.empty() ? "; it said nothing" : "; it said: " + std::string(words);
  const auto said = [words](std::string_view part) { return words.contains(part); };
  if (said("/dev/net/tun does not exist"))
    return {errc::unsupported,
            begin +
                ", for /dev/net/tun is missing: load the module (modprobe tun) or give the "
                "container the device" +
                end,
            {}};
  if (said("operation not permitted") || said("permission denied"))
    return {errc::denied, begin + " without the right to: run as root (CAP_NET_ADMIN)" + end, {}};
  if (said("device or resource busy") || said("unix socket in use"))
    return {errc::conflict, begin + ", for the name is in use" + end, {}};
  return {errc::io, begin + end, {}};
}

process::process(asio::any_io_executor loop, process_options options)
    : loop_(std::move(loop)), options_(std::move(options)) {}

namespace {

/// A predecessor that is still dying removes its socket's file, and holds the name, for a moment.
bool may_pass(const error& why) {
  return why.code == errc::conflict || why.message.contains("UAPI listen error");
}

}  // namespace

task<> process::pause() {
  asio::steady_timer timer(loop_, step);
  co_await timer.async_wait(asio::use_awaitable);
}

task<result<pid_t>> process::ensure() {
  auto path = socket_path(options_.run_dir, options_.interface);
  if (!path) co_return std::unexpected(std::move(path.error()));
  auto running = co_await answering(loop_, *path, options_.start_limit);
  if (running) co_return of_this_namespace(*running, *path);
  // What is there and does not answer must not be doubled.
  if (running.error().code != errc::unavailable) co_return running;
  co_await reap();
  co_await end_child();  // one that was started here and has lost its socket
  const bool free = co_await name_is_free();
  if (!free) {
    co_return fail(errc::conflict, "an interface named " + options_.interface +
                                       " is there, and no userspace WireGuard answers for it at " +
                                       *path + ": remove it (ip link delete " + options_.interface +
                                       ") or configure another name");
  }
  auto started = co_await start(*path);
  for (int starts = 1; starts < most_starts && !started && may_pass(started.error()); ++starts) {
    co_await pause();
    started = co_await start(*path);
  }
  co_return started;
}

// The socket is a path, and the interface is a thing of one network namespace.
result<pid_t> process::of_this_namespace(pid_t listener, const std::string& path) const {
  const bool here = if_nametoindex(options_.interface.c_str()) != 0;
  if (here && same_network_namespace(listener)) return listener;
  return fail(errc::conflict, "the userspace WireGuard that answers at " + path +
                                  " belongs to another network namespace: use another interface "
                                  "name, or mount a folder of its own at " +
                                  options_.run_dir);
}

// The interface of a process that has just died goes a moment after it.
task<bool> process::name_is_free() {
  const auto until = std::chrono::steady_clock::now() + options_.gone_limit;
  while (if_nametoindex(options_.interface.c_str()) != 0) {
    if (std::chrono::steady_clock::now() >= until) co_return false;
    co_await pause();
  }
  co_return true;
}

task<result<pid_t>> process::start(const std::string& path) {
  const auto spawned = spawn();
  if (!spawned) co_return std::unexpected(spawned.error());
  auto listening = co_await await_socket(path);
  if (!listening) co_await end_child();
  co_return listening;
}

task<result<pid_t>> process::await_socket(const std::string& path) {
  const auto until = std::chrono::steady_clock::now() + options_.start_limit;
  while (true) {
    auto running = co_await answering(loop_, path, options_.start_limit);
    if (running) co_return of_this_namespace(*running, path);
    if (running.error().code != errc::unavailable) co_return running;
    if (child_ended())
      co_return std::unexpected(explain_exit(options_.program, options_.interface, last_words()));
    if (std::chrono::steady_clock::now() >= until) {
      co_return fail(errc::timeout, options_.program + " was started and does not listen at " +
                                        path + "; its words are in " + options_.log_file);
    }
    co_await pause();
  }
}

result<> process::spawn() {
  const opened_file log(::open(options_.log_file.c_str(),
                               O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (log.get() < 0)
    return fail(errc::io, "the log " + options_.log_file + " can't be opened: " + words_for(errno));
  log_begins_ = ::lseek(log.get(), 0, SEEK_END);
  if (log_begins_ > longest_log && ::ftruncate(log.get(), 0) == 0) log_begins_ = 0;
  const spawn_plan plan(log.get());
  // In the foreground it is one process, whose end can be seen. The environment may hold secrets
  // that are none of its business.
  std::array<std::string, 3> words{options_.program, "-f", options_.interface};
  std::array<std::string, 2> settings{"LOG_LEVEL=error", "WG_PROCESS_FOREGROUND=1"};
  std::array<char*, 4> arguments{words[0].data(), words[1].data(), words[2].data(), nullptr};
  std::array<char*, 3> environment{settings[0].data(), settings[1].data(), nullptr};
  pid_t child = 0;
  const int failure = ::posix_spawnp(&child, options_.program.c_str(), &plan.actions,
                                     &plan.attributes, arguments.data(), environment.data());
  if (failure == ENOENT)
    return fail(errc::unsupported, options_.program +
                                       " is not there: install wireguard-go "
                                       "(apt install wireguard-go)");
  if (failure != 0)
    return fail(errc::io, options_.program + " can't be started: " + words_for(failure));
  child_ = child;
  return {};
}

bool process::child_ended() {
  if (child_ == 0) return true;
  const pid_t ended = ::waitpid(child_, nullptr, WNOHANG);
  if (ended == 0) return false;
  child_ = 0;
  return true;
}

task<> process::end_child() {
  if (child_ended()) co_return;
  ::kill(child_, SIGKILL);
  co_await reap();
}

task<> process::reap() {
  const auto until = std::chrono::steady_clock::now() + options_.gone_limit;
  while (!child_ended() && std::chrono::steady_clock::now() < until) co_await pause();
}

std::string process::last_words() const {
  const opened_file log(::open(options_.log_file.c_str(), O_RDONLY | O_CLOEXEC));
  if (log.get() < 0) return {};
  const off_t end = ::lseek(log.get(), 0, SEEK_END);
  const off_t begin = std::max(log_begins_, end - static_cast<off_t>(last_words_size));
  std::array<char, last_words_size> bytes{};
  const ssize_t count = ::pread(log.get(), bytes.data(), bytes.size(), begin);
  if (count <= 0) return {};
  std::string words(bytes.data(), static_cast<std::size_t>(count));
  while (!words.empty() && words.back() == '\n') words.pop_back();
  // Into one line, as a message is one.
  std::ranges::replace_if(words, [](unsigned char c) { return c < ' '; }, ' ');
  return words;
}

}  // namespace peerage::uapi
