// Whole daemons with a real WireGuard, in namespaces of this program's own: processes, network and
// mounts. So nothing here meets the host or another copy of itself, and nothing stays when it ends,
// however it ends. Needs root. The binaries are those of PEERAGE_BIN_DIR, or of the build folder
// that this program lies in. `device = "auto"`: the kernel's WireGuard where there is one; tests
// with `userspace` in their names need wireguard-go.
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "tests/live/process.h"

namespace {

void must(bool fine, const char* doing) {
  if (fine) return;
  std::fprintf(stderr, "live_tests: %s: %s\n", doing, std::strerror(errno));
  std::_Exit(1);
}

void mount_own_folders() {
  must(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "private mounts");
  must(::mount("proc", "/proc", "proc", 0, nullptr) == 0, "mounting /proc");
  // The sockets of wireguard-go and the names of `ip netns` are paths, which namespaces of the
  // network alone would share.
  for (const char* const folder : {"/run", "/var/run"}) {
    if (std::filesystem::is_symlink(folder)) continue;
    must(::mount("tmpfs", folder, "tmpfs", 0, "mode=0755") == 0, "mounting a private /run");
  }
  for (const char* const folder : {"/run/netns", "/var/run/wireguard"}) {
    std::filesystem::create_directories(folder);
  }
}

/// Takes leave of every process that ends, until the tests do; then the kernel ends what is left.
[[noreturn]] void be_init(pid_t tests) {
  for (;;) {
    int waited = 0;
    const pid_t ended = ::wait(&waited);
    if (ended == tests) ::_exit(WIFEXITED(waited) ? WEXITSTATUS(waited) : 1);
    must(ended > 0 || errno == EINTR, "wait");
  }
}

int run_tests() {
  // Room for a thousand connections.
  rlimit files{};
  must(::getrlimit(RLIMIT_NOFILE, &files) == 0, "getrlimit");
  files.rlim_cur = files.rlim_max;
  must(::setrlimit(RLIMIT_NOFILE, &files) == 0, "setrlimit");
  ::signal(SIGPIPE, SIG_IGN);
  peerage::live::must_run({"ip", "link", "set", "lo", "up"});
  return RUN_ALL_TESTS();
}

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (testing::GTEST_FLAG(list_tests)) return RUN_ALL_TESTS();
  if (::geteuid() != 0) {
    std::fputs("live_tests makes namespaces and WireGuard devices: run it as root\n", stderr);
    return 1;
  }
  must(::unshare(CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID) == 0, "making namespaces");
  const pid_t init = ::fork();
  must(init >= 0, "fork");
  if (init > 0) {
    int waited = 0;
    while (::waitpid(init, &waited, 0) < 0) must(errno == EINTR, "waitpid");
    // At once: this process has no namespace any more to start a leak checker in.
    std::_Exit(WIFEXITED(waited) ? WEXITSTATUS(waited) : 1);
  }
  must(::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0, "prctl");
  mount_own_folders();
  const pid_t tests = ::fork();
  must(tests >= 0, "fork");
  if (tests > 0) be_init(tests);
  return run_tests();
}
