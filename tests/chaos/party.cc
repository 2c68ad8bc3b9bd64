#include "tests/chaos/party.h"

#include <signal.h>
#include <sys/mount.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <vector>

#include "tests/chaos/network.h"

namespace peerage::chaos {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

namespace {

std::string beside_this_program(const std::string& name) {
  return fs::read_symlink("/proc/self/exe").parent_path() / name;
}

}  // namespace

party::party(role kind, std::string called, unsigned number, const std::string& folder)
    : what(kind),
      name(std::move(called)),
      address(network::address_of(number)),
      folder_(folder + "/" + name) {
  fs::create_directories(disk());
  if (::mount("tmpfs", disk().c_str(), "tmpfs", 0, "size=96m,mode=0755") != 0) {
    throw std::system_error(errno, std::generic_category(), "mounting " + disk());
  }
  set_clock(0);
  command.network = name;
  command.environment = {{"HOME", "/"},
                         {"LD_PRELOAD", beside_this_program("libmoved_clock.so")},
                         {"MOVED_CLOCK", file("clock")}};
}

party::~party() {
  kill();
  ::umount2(disk().c_str(), MNT_DETACH);
}

void party::start() {
  const std::lock_guard hold(mutex_);
  if (!process_) process_.emplace(command, log_file());
}

void party::kill() {
  const std::lock_guard hold(mutex_);
  if (!process_) return;
  process_->signal(SIGKILL);
  process_->wait(10s);
  process_.reset();
}

void party::stop() {
  {
    const std::lock_guard hold(mutex_);
    if (!process_) return;
    process_->signal(SIGTERM);
    process_->signal(SIGCONT);
    if (process_->wait(20s)) {
      process_.reset();
      return;
    }
  }
  kill();
}

void party::freeze() {
  const std::lock_guard hold(mutex_);
  if (process_) process_->signal(SIGSTOP);
}

void party::thaw() {
  const std::lock_guard hold(mutex_);
  if (process_) process_->signal(SIGCONT);
}

std::optional<int> party::watch_over() {
  const std::lock_guard hold(mutex_);
  if (!process_) return {};
  const auto ended = process_->ended();
  if (!ended) return {};
  process_.reset();
  process_.emplace(command, log_file());
  return ended;
}

void party::set_clock(std::int64_t nanoseconds) const {
  std::fstream out(file("clock"), std::ios::binary | std::ios::in | std::ios::out);
  if (!out) out.open(file("clock"), std::ios::binary | std::ios::out);
  out.write(reinterpret_cast<const char*>(&nanoseconds), sizeof nanoseconds);
}

void party::move_clock(std::int64_t seconds) {
  moved_ = seconds;
  set_clock(seconds * 1'000'000'000);
}

void party::fill_disk() {
  std::ofstream full(disk() + "/somebody-elses-file", std::ios::binary);
  const std::vector<char> part(64 * 1024, 'x');
  while (full.write(part.data(), static_cast<std::streamsize>(part.size())).flush()) {}
}

void party::clear_disk() {
  std::error_code ignored;
  fs::remove(disk() + "/somebody-elses-file", ignored);
}

}  // namespace peerage::chaos
