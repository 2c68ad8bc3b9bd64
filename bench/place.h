// A place of a benchmark's own: namespaces, a folder and the programs in it. For a benchmark's main
// and what it calls, from one thread. What should have worked is an exception: there is nothing to
// measure then.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace peerage::bench {

/// std::system_error from errno.
[[noreturn]] void give_up(const std::string& doing);

/// Runs `work` as the first process of network, mount and process namespaces of its own, with an
/// empty /var/run and a new folder inside `where`, on whose disk it is. Needs root. What it started
/// ends with it and the folder goes, also after a signal. Its status; 1 where it died.
int in_own_place(const std::string& where, const std::function<int(const std::string&)>& work);

/// Starts a program, found in PATH; what it prints goes to the end of `log_file`.
pid_t start(std::vector<std::string> words, const std::string& log_file);

/// The exit status of a program that has ended, 128 and the signal's number for one that was
/// killed; nothing while it runs.
std::optional<int> ended(pid_t program);
/// The same, when it has ended.
int wait_for(pid_t program);

/// The first line of what a program prints, which ends by itself.
std::string first_line_of(std::vector<std::string> words, const std::string& log_file);

/// The whole file; empty where there is none.
std::string text_of_file(const std::string& path);

/// 50,000
std::string with_commas(std::uint64_t number);

/// Says on standard error how far something long is, now and then, and nothing of what is quick.
class progress {
 public:
  progress(std::string doing, std::uint64_t whole);
  void at(std::uint64_t done);

 private:
  std::string doing_;
  std::uint64_t whole_;
  std::chrono::seconds pause_;
  std::chrono::steady_clock::time_point next_;
};

}  // namespace peerage::bench
