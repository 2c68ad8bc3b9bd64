// The command `peerage`: hands the system's streams, environment and clock to cli::run().
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <iostream>
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
                                     .environment = read_environment(),
                                     .now = now};
    return peerage::cli::run(argc, argv, world);
  } catch (const std::exception& bug) {
    std::fprintf(stderr, "peerage: a bug: %s\n", bug.what());
    return 1;
  }
}
