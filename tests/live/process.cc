#include "tests/live/process.h"

#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace peerage::live {
namespace {

using time_point = std::chrono::steady_clock::time_point;

constexpr int cant_start = 127;
constexpr uid_t nobody = 65'534;

[[noreturn]] void give_up(const std::string& doing) {
  throw std::system_error(errno, std::generic_category(), doing);
}

int ms_until(time_point deadline) {
  const auto left = std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
  return static_cast<int>(std::max<milliseconds::rep>(left.count(), 0));
}

class descriptor {
 public:
  explicit descriptor(int number = -1) : number_(number) {}
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  ~descriptor() { close(); }
  void close() {
    if (number_ >= 0) ::close(number_);
    number_ = -1;
  }
  void take(int number) {
    close();
    number_ = number;
  }
  int get() const { return number_; }

 private:
  int number_;
};

// Everything that the child needs, made before the fork: after it, other threads' locks may be
// held for ever, so the child calls nothing that takes one.
class start_plan {
 public:
  explicit start_plan(const program& what) : what_(what), words_(what.words) {
    for (std::string& word : words_) arguments_.push_back(word.data());
    arguments_.push_back(nullptr);
    const char* const path = std::getenv("PATH");
    settings_.push_back(std::string("PATH=") + (path == nullptr ? "/usr/sbin:/usr/bin" : path));
    // What watches the programs rather than tells them something.
    for (const char* name :
         {"ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS", "LLVM_PROFILE_FILE"}) {
      const char* const value = std::getenv(name);
      if (value != nullptr) settings_.push_back(std::string(name) + "=" + value);
    }
    for (const auto& [name, value] : what.environment) settings_.push_back(name + "=" + value);
    for (std::string& setting : settings_) environment_.push_back(setting.data());
    environment_.push_back(nullptr);
    if (what.network.empty()) return;
    network_.take(::open(("/run/netns/" + what.network).c_str(), O_RDONLY | O_CLOEXEC));
    if (network_.get() < 0) give_up("opening the network namespace " + what.network);
  }

  pid_t start(int out, int err) {
    const pid_t child = ::fork();
    if (child < 0) give_up("fork");
    if (child > 0) return child;
    become(out, err);
    ::execvpe(arguments_[0], arguments_.data(), environment_.data());
    ::_exit(cant_start);
  }

 private:
  void become(int out, int err) {
    const int nothing = ::open("/dev/null", O_RDONLY);
    const bool connected =
        ::dup2(nothing, 0) == 0 && ::dup2(out, 1) == 1 && ::dup2(err, 2) == 2 && ::setsid() > 0;
    const bool placed = network_.get() < 0 || ::setns(network_.get(), CLONE_NEWNET) == 0;
    const bool hidden =
        !what_.without_tun ||
        (::unshare(CLONE_NEWNS) == 0 && ::mount("tmpfs", "/dev/net", "tmpfs", 0, nullptr) == 0);
    const bool dropped = !what_.as_nobody || (::setgroups(0, nullptr) == 0 &&
                                              ::setgid(nobody) == 0 && ::setuid(nobody) == 0);
    if (!connected || !placed || !hidden || !dropped) ::_exit(cant_start);
  }

  const program& what_;
  std::vector<std::string> words_;
  std::vector<std::string> settings_;
  std::vector<char*> arguments_;
  std::vector<char*> environment_;
  descriptor network_;
};

int status_of(int waited) {
  return WIFSIGNALED(waited) ? 128 + WTERMSIG(waited) : WEXITSTATUS(waited);
}

std::optional<int> wait_for(pid_t child, time_point deadline) {
  const descriptor handle(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
  if (handle.get() < 0) give_up("pidfd_open");
  pollfd wanted{handle.get(), POLLIN, 0};
  while (::poll(&wanted, 1, ms_until(deadline)) < 0) {
    if (errno != EINTR) give_up("poll");
  }
  int waited = 0;
  if (::waitpid(child, &waited, WNOHANG) != child) return {};
  return status_of(waited);
}

struct pipe_ends {
  pipe_ends() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) give_up("pipe");
    read.take(ends[0]);
    write.take(ends[1]);
  }
  descriptor read;
  descriptor write;
};

/// Reads what is there; false at its end.
bool read_some(int from, std::string& into) {
  std::array<char, 64 * 1024> part{};
  const ssize_t size = ::read(from, part.data(), part.size());
  if (size <= 0) return false;
  into.append(part.data(), static_cast<std::size_t>(size));
  return true;
}

/// Until both have ended; false at the deadline.
bool read_both(int out, int err, finished& into, time_point deadline) {
  std::array<pollfd, 2> wanted{{{out, POLLIN, 0}, {err, POLLIN, 0}}};
  while (wanted[0].fd >= 0 || wanted[1].fd >= 0) {
    const int ready = ::poll(wanted.data(), wanted.size(), ms_until(deadline));
    if (ready == 0) return false;
    if (ready < 0) continue;
    if (wanted[0].revents != 0 && !read_some(out, into.out)) wanted[0].fd = -1;
    if (wanted[1].revents != 0 && !read_some(err, into.err)) wanted[1].fd = -1;
  }
  return true;
}

std::string line_of(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : " ") + word;
  return line;
}

}  // namespace

finished run(const program& what, milliseconds limit) {
  const time_point deadline = std::chrono::steady_clock::now() + limit;
  pipe_ends out;
  pipe_ends err;
  const pid_t child = start_plan(what).start(out.write.get(), err.write.get());
  out.write.close();
  err.write.close();
  finished end;
  const bool read = read_both(out.read.get(), err.read.get(), end, deadline);
  const auto status = read ? wait_for(child, deadline) : std::nullopt;
  if (!status) {
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    throw std::runtime_error("did not end in time: " + line_of(what.words) + "\n" + end.out +
                             end.err);
  }
  end.status = *status;
  return end;
}

std::string must_run(std::vector<std::string> words, std::string network) {
  const program what{.words = std::move(words), .environment = {}, .network = std::move(network)};
  finished end = run(what);
  if (end.status == 0) return std::move(end.out);
  throw std::runtime_error(line_of(what.words) + " failed with " + std::to_string(end.status) +
                           ": " + end.err);
}

process::process(const program& what, const std::string& log_file) {
  const descriptor log(::open(log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (log.get() < 0) give_up("opening " + log_file);
  pid_ = start_plan(what).start(log.get(), log.get());
}

process::process(process&& from) noexcept
    : pid_(std::exchange(from.pid_, 0)), status_(from.status_) {}

process::~process() {
  if (pid_ == 0 || status_) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void process::signal(int number) const {
  if (!status_) ::kill(pid_, number);
}

std::optional<int> process::wait(milliseconds limit) {
  if (!status_) status_ = wait_for(pid_, std::chrono::steady_clock::now() + limit);
  return status_;
}

bool eventually(milliseconds limit, const std::function<bool()>& holds) {
  const time_point deadline = std::chrono::steady_clock::now() + limit;
  for (;;) {
    if (holds()) return true;
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(5ms);
  }
}

std::thread beside(std::function<void()> work) {
  return std::thread([work = std::move(work)] {
    try {
      work();
    } catch (const std::exception& failed) {
      ADD_FAILURE() << failed.what();
    }
  });
}

temporary_folder::temporary_folder()
    : path_(std::filesystem::temp_directory_path() / "live.XXXXXX") {
  if (::mkdtemp(path_.data()) == nullptr) give_up("making a folder for the test");
  ::chmod(path_.c_str(), 0755);
}

temporary_folder::~temporary_folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string text_of_file(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace peerage::live
