// Programs that a live test runs: the daemon, the command, and the tools that look at what they
// did. For tests alone, from any thread. A program that can't be started, or does not end in time,
// is an exception: the test is then over.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace peerage::live {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using std::chrono::seconds;

struct program {
  std::vector<std::string> words;                  // the program, found in PATH, and its arguments
  std::map<std::string, std::string> environment;  // beside PATH: nothing is inherited
  std::string network;                             // a network namespace of `ip netns`; "": ours
  bool as_nobody = false;                          // without root's rights
  bool without_tun = false;                        // where /dev/net/tun is not to be seen
};

/// An exit status as a shell tells it: 128 and the signal's number for one that was killed.
struct finished {
  int status = 0;
  std::string out;
  std::string err;
};

/// Runs it to its end.
finished run(const program& what, milliseconds limit = 10s);

/// What it printed; an exception where it failed.
std::string must_run(std::vector<std::string> words, std::string network = {});

/// A program that goes on beside the test. Killed, if need be, when this goes.
class process {
 public:
  /// What it prints goes to the end of `log_file`.
  process(const program& what, const std::string& log_file);
  ~process();
  process(process&& from) noexcept;
  process& operator=(process&&) = delete;

  pid_t pid() const { return pid_; }
  void signal(int number) const;
  /// As finished::status; nothing while it runs.
  std::optional<int> ended() { return wait(0ms); }
  std::optional<int> wait(milliseconds limit);

 private:
  pid_t pid_ = 0;
  std::optional<int> status_;
};

/// Looks again and again until `holds`; false when it did not within the limit. For what can't tell
/// by itself that it has changed: a file, a device, another process.
bool eventually(milliseconds limit, const std::function<bool()>& holds);

/// A thread whose exception fails the test, and not the whole program.
std::thread beside(std::function<void()> work);

/// A new folder for one test's files, that others may enter; it goes with this.
class temporary_folder {
 public:
  temporary_folder();
  ~temporary_folder();
  temporary_folder(const temporary_folder&) = delete;
  temporary_folder& operator=(const temporary_folder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// The whole file; empty where there is none.
std::string text_of_file(const std::string& path);

}  // namespace peerage::live
