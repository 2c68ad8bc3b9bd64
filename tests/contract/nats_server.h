// A real nats-server of a test's own, on a free port of the loopback, stopped when this goes. One
// that can't be started is an exception: the test is then over.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

extern char** environ;

namespace peerage::contract {

class nats_server {
 public:
  nats_server() {
    std::string pattern = (std::filesystem::temp_directory_path() / "nats-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw failed("mkdtemp");
    folder_ = pattern;
    // Larger than what the bus takes, so that a test can send it more.
    std::ofstream(folder_ / "server.conf") << "max_payload: 4MB\n";
    start();
  }
  /// With a configuration of its own, and what that takes from the environment.
  nats_server(std::filesystem::path config, std::vector<std::string> environment)
      : config_(std::move(config)), environment_(std::move(environment)) {
    start();
  }
  ~nats_server() {
    stop();
    if (folder_.empty()) return;
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  nats_server(const nats_server&) = delete;
  nats_server& operator=(const nats_server&) = delete;

  /// On the port that it had before, if any. Returns when it says that it is ready.
  void start() {
    const std::string path = std::string(::getenv("PATH")) + ":/usr/sbin";
    ::setenv("PATH", path.c_str(), 1);
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw failed("pipe2");
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
    const std::string config = folder_.empty() ? config_ : folder_ / "server.conf";
    const std::string port = port_ == 0 ? "-1" : std::to_string(port_);  // -1: a free one
    std::vector<std::string> words{"nats-server", "-a", "127.0.0.1", "-p", port, "-c", config};
    std::vector<char*> raw;
    for (auto& each : words) raw.push_back(each.data());
    raw.push_back(nullptr);
    std::vector<char*> variables;
    for (auto& each : environment_) variables.push_back(each.data());
    for (char** each = environ; *each != nullptr; ++each) variables.push_back(*each);
    variables.push_back(nullptr);
    const int status =
        ::posix_spawnp(&pid_, "nats-server", &actions, nullptr, raw.data(), variables.data());
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    log_ = ends[0];
    if (status != 0) throw std::system_error(status, std::generic_category(), "nats-server");
    await_ready();
  }

  void stop() {
    if (pid_ == 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    ::close(log_);
    pid_ = 0;
  }

  /// It is there, and says nothing any more.
  void freeze() { ::kill(pid_, SIGSTOP); }

  unsigned port() const { return port_; }
  std::string url() const { return "nats://127.0.0.1:" + std::to_string(port_); }

 private:
  static std::system_error failed(const char* what) {
    return {errno, std::generic_category(), what};
  }

  // It says so in its log, which ends if it does.
  void await_ready() {
    std::string said;
    std::array<char, 512> piece{};
    while (said.find("Server is ready") == std::string::npos) {
      const auto size = ::read(log_, piece.data(), piece.size());
      if (size <= 0) throw std::runtime_error("nats-server did not start: " + said);
      said.append(piece.data(), static_cast<std::size_t>(size));
    }
    const std::string mark = "client connections on 127.0.0.1:";
    port_ = static_cast<unsigned>(std::stoul(said.substr(said.find(mark) + mark.size())));
  }

  std::filesystem::path folder_;  // its own; empty with a configuration that was given
  std::filesystem::path config_;
  std::vector<std::string> environment_;
  pid_t pid_ = 0;
  int log_ = -1;
  unsigned port_ = 0;
};

}  // namespace peerage::contract
