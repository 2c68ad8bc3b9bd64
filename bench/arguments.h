// What most benchmarks take on the command line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace peerage::bench {

struct arguments {
  std::string bin_dir;
  std::string consul;                // the program
  std::string json;                  // a file for the values; empty: none
  std::vector<std::uint32_t> peers;  // empty: as the benchmark likes, and so with rounds
  std::uint64_t rounds = 0;          // 0: as the benchmark likes
  bool quick = false;
  bool check = false;
};

struct argument_rules {
  std::uint64_t most_peers = 60'000;  // a userspace device holds 65,536
  bool needs_consul = true;
  std::size_t most_stands = 4;  // numbers in --peers
};

/// Nothing, after printing `help` on standard error, where they are not such. With --help that is
/// all: the process ends.
std::optional<arguments> parse_arguments(int argc, char** argv, const char* help,
                                         argument_rules rules = {});

}  // namespace peerage::bench
