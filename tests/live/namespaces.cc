#include "tests/live/namespaces.h"

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
#include <fstream>

#include "tests/live/process.h"

namespace peerage::live {
namespace {

void must(bool fine, const char* doing) {
  if (fine) return;
  std::fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, doing, std::strerror(errno));
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

int work_inside(const std::function<int()>& work) {
  // Room for a thousand connections.
  rlimit files{};
  must(::getrlimit(RLIMIT_NOFILE, &files) == 0, "getrlimit");
  files.rlim_cur = files.rlim_max;
  must(::setrlimit(RLIMIT_NOFILE, &files) == 0, "setrlimit");
  ::signal(SIGPIPE, SIG_IGN);
  must_run({"ip", "link", "set", "lo", "up"});
  // As on a gateway's host that was set up for it.
  for (const char* const family : {"ipv4", "ipv6"}) {
    std::ofstream("/proc/sys/net/" + std::string(family) + "/conf/all/forwarding") << "1";
  }
  return work();
}

}  // namespace

int in_own_namespaces(const std::function<int()>& work) {
  if (::geteuid() != 0) {
    std::fprintf(stderr, "%s makes namespaces and WireGuard devices: run it as root\n",
                 program_invocation_short_name);
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
  const pid_t inside = ::fork();
  must(inside >= 0, "fork");
  if (inside > 0) be_init(inside);
  return work_inside(work);
}

}  // namespace peerage::live
