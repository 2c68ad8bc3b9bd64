// Network namespaces of a test's own, for real WireGuard devices, and a wireguard-go in one. Needs
// root; what can't be made is an exception.
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include "uapi/device.h"

namespace peerage::contract {

inline void must(bool fine, const std::string& doing) {
  if (!fine) throw std::system_error(errno, std::generic_category(), doing);
}

/// What a shell command prints, both streams; a failing one is an exception.
inline std::string output_of(const std::string& command) {
  std::string text;
  FILE* const from = ::popen((command + " 2>&1").c_str(), "r");
  std::array<char, 4096> part{};
  while (std::fgets(part.data(), part.size(), from) != nullptr) text += part.data();
  if (::pclose(from) != 0) throw std::runtime_error(command + ": " + text);
  return text;
}

/// A network namespace of the test's own; the thread is in it after making it.
class private_network {
 public:
  private_network() : before_(current()) {
    if (::geteuid() != 0) {
      throw std::runtime_error("this test makes network namespaces: run it as root");
    }
    must(::unshare(CLONE_NEWNET) == 0, "unshare");
    own_ = current();
  }
  private_network(const private_network&) = delete;
  private_network& operator=(const private_network&) = delete;
  ~private_network() {
    ::setns(before_, CLONE_NEWNET);
    ::close(before_);
    ::close(own_);
  }

  void enter() const { must(::setns(own_, CLONE_NEWNET) == 0, "setns"); }
  /// As iproute2 wants it.
  std::string path() const {
    return "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(own_);
  }

 private:
  static int current() { return ::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC); }
  int before_ = -1;
  int own_ = -1;
};

/// The same for a wireguard-go, with a private mount of the folder of its sockets, which is a path
/// that network namespaces share. Its process ends with this.
class userspace_place {
 public:
  explicit userspace_place(std::string interface) : interface_(std::move(interface)) {
    mounts_ = ::open("/proc/thread-self/ns/mnt", O_RDONLY | O_CLOEXEC);
    must(mounts_ >= 0, "opening the namespaces");
    must(::unshare(CLONE_NEWNS) == 0, "unshare");
    must(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "private mounts");
    std::filesystem::create_directories(run_dir);
    must(::mount("tmpfs", run_dir, "tmpfs", 0, nullptr) == 0, "mounting the folder of sockets");
    std::string name = (std::filesystem::temp_directory_path() / "userspace.XXXXXX").string();
    must(::mkdtemp(name.data()) != nullptr, "mkdtemp");
    folder_ = name;
  }
  userspace_place(const userspace_place&) = delete;
  userspace_place& operator=(const userspace_place&) = delete;
  ~userspace_place() {
    kill_process();
    ::setns(mounts_, CLONE_NEWNS);
    ::close(mounts_);
    std::filesystem::remove_all(folder_);
  }

  userspace_options options() const {
    return {interface_, "wireguard-go", run_dir, folder_ + "/log"};
  }

  /// The process that listens on the socket; 0 where none does.
  pid_t process() const {
    const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = std::string(run_dir) + "/" + interface_ + ".sock";
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    ucred who{};
    socklen_t size = sizeof who;
    const bool there =
        ::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
        ::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0;
    ::close(socket);
    return there ? who.pid : 0;
  }
  void kill_process() const {
    const pid_t running = process();
    if (running == 0) return;
    ::kill(running, SIGKILL);
    // Where the device has reaped it meanwhile, there is nothing left to wait for.
    ::waitpid(running, nullptr, 0);
  }

 private:
  static constexpr const char* run_dir = "/var/run/wireguard";
  private_network network_;
  std::string interface_;
  int mounts_ = -1;
  std::string folder_;
};

}  // namespace peerage::contract
