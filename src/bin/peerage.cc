// The command `peerage`: hands the system's streams, environment and clock to cli::run().
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iostream>
#include <string>
#include <string_view>

#include "cli/run.h"

namespace {

std::map<std::string, std::string, std::less<>> read_environment() {
  std::map<std::string, std::string, std::less<>> variables;
  for (char** each = environ; each != nullptr && *each != nullptr; ++each) {
    const std::string_view text = *each;
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

/// 0 where it is no terminal.
std::size_t columns_of(int file) {
  winsize size{};
  return ::ioctl(file, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

/// Whether an interface that is made now can have an IPv6 address; Docker's containers have none.
bool ipv6_works() {
  const int socket = ::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return errno != EAFNOSUPPORT;
  ::close(socket);
  for (const char* which : {"all", "default"}) {
    std::ifstream file(std::string("/proc/sys/net/ipv6/conf/") + which + "/disable_ipv6");
    int disabled = 0;
    if (file >> disabled && disabled != 0) return false;
  }
  return true;
}

peerage::wall_time now() {
  return std::chrono::floor<peerage::milliseconds>(std::chrono::system_clock::now());
}

}  // namespace

int main(int argc, char** argv) {
  // A reader that went away is a failed write, which can be told, and not a silent end.
  std::signal(SIGPIPE, SIG_IGN);
  try {
    peerage::cli::surroundings world{.in = std::cin,
                                     .out = std::cout,
                                     .err = std::cerr,
                                     .in_is_terminal = ::isatty(STDIN_FILENO) == 1,
                                     .out_is_terminal = ::isatty(STDOUT_FILENO) == 1,
                                     .err_is_terminal = ::isatty(STDERR_FILENO) == 1,
                                     .err_columns = columns_of(STDERR_FILENO),
                                     .ipv6_works = ipv6_works(),
                                     .environment = read_environment(),
                                     .now = now};
    return peerage::cli::run(argc, argv, world);
  } catch (const std::exception& bug) {
    std::fprintf(stderr, "peerage: a bug: %s\n", bug.what());
    return 1;
  }
}
