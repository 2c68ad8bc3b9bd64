#include "bench/place.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

namespace peerage::bench {
namespace {

constexpr std::chrono::seconds first_word{1};
constexpr std::chrono::seconds longest_silence{10};

void must(bool fine, const char* doing) {
  if (!fine) give_up(doing);
}

volatile pid_t child = 0;

void end_child(int) {
  if (child > 0) ::kill(child, SIGKILL);
}

void bring_loopback_up() {
  const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  must(socket >= 0, "a socket to bring the loopback interface up");
  ifreq request{};
  std::strncpy(request.ifr_name, "lo", sizeof request.ifr_name - 1);
  request.ifr_flags = IFF_UP;
  const bool up = ::ioctl(socket, SIOCSIFFLAGS, &request) == 0;
  ::close(socket);
  must(up, "bringing the loopback interface up");
}

void settle_in() {
  must(::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0, "prctl");
  must(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "private mounts");
  must(::mount("proc", "/proc", "proc", 0, nullptr) == 0, "mounting /proc");
  // wireguard-go's sockets are paths, which a namespace of the network alone would share.
  const std::string run = std::filesystem::canonical("/var/run");
  must(::mount("tmpfs", run.c_str(), "tmpfs", 0, "mode=0755") == 0, "mounting a private /var/run");
  std::filesystem::create_directories("/var/run/wireguard");
  bring_loopback_up();
}

int wait_for_child() {
  struct sigaction ending{};
  ending.sa_handler = end_child;
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) ::sigaction(number, &ending, nullptr);
  int waited = 0;
  while (::waitpid(child, &waited, 0) < 0) must(errno == EINTR, "waitpid");
  return WIFEXITED(waited) ? WEXITSTATUS(waited) : 1;
}

int status_of(int waited) {
  return WIFEXITED(waited) ? WEXITSTATUS(waited) : 128 + WTERMSIG(waited);
}

}  // namespace

void give_up(const std::string& doing) {
  throw std::system_error(errno, std::generic_category(), doing);
}

int in_own_place(const std::string& where, const std::function<int(const std::string&)>& work) {
  std::string folder = std::filesystem::absolute(where) / "bench.XXXXXX";
  must(::mkdtemp(folder.data()) != nullptr, "making a folder for the benchmark");
  if (::unshare(CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID) != 0) {
    const int why = errno;
    std::filesystem::remove_all(folder);
    errno = why;
    give_up("making namespaces, which needs root");
  }
  child = ::fork();
  must(child >= 0, "fork");
  if (child == 0) {
    int status = 1;
    try {
      settle_in();
      status = work(folder);
    } catch (const std::exception& why) {
      std::fprintf(stderr, "bench: %s\n", why.what());
    }
    std::fflush(stdout);
    // The first process of its namespace: whatever else runs there ends with it.
    ::_exit(status);
  }
  const int status = wait_for_child();
  std::filesystem::remove_all(folder);
  return status;
}

pid_t start(std::vector<std::string> words, const std::string& log_file) {
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND,
                                   0600);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  pid_t started = 0;
  errno = posix_spawnp(&started, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  must(errno == 0, arguments[0]);
  return started;
}

std::optional<int> ended(pid_t program) {
  int waited = 0;
  const pid_t got = ::waitpid(program, &waited, WNOHANG);
  must(got >= 0, "waitpid");
  return got == 0 ? std::nullopt : std::optional(status_of(waited));
}

int wait_for(pid_t program) {
  int waited = 0;
  while (::waitpid(program, &waited, 0) < 0) must(errno == EINTR, "waitpid");
  return status_of(waited);
}

std::string first_line_of(std::vector<std::string> words, const std::string& log_file) {
  wait_for(start(std::move(words), log_file));
  const std::string text = text_of_file(log_file);
  std::filesystem::remove(log_file);
  return text.substr(0, text.find('\n'));
}

std::string text_of_file(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string with_commas(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t left = text.size(); left > 3;) {
    left -= 3;
    text.insert(left, ",");
  }
  return text;
}

progress::progress(std::string doing, std::uint64_t whole)
    : doing_(std::move(doing)),
      whole_(whole),
      pause_(first_word),
      next_(std::chrono::steady_clock::now() + pause_) {}

void progress::at(std::uint64_t done) {
  const auto now = std::chrono::steady_clock::now();
  if (now < next_) return;
  pause_ = std::min(2 * pause_, longest_silence);
  next_ = now + pause_;
  std::fprintf(stderr, "bench: %s: %s of %s\n", doing_.c_str(), with_commas(done).c_str(),
               with_commas(whole_).c_str());
}

}  // namespace peerage::bench
