// What a process has used so far, as /proc has it. For a benchmark's main; failures are exceptions.
#pragma once

#include <sys/types.h>

#include <string>

namespace peerage::bench {

struct usage {
  double cpu_s = 0;      // user and system
  double memory_mb = 0;  // resident now
};
usage usage_of(pid_t process);

/// The process whose program ends in this name and that has this word on its command line.
pid_t process_with(const std::string& program, const std::string& word);

}  // namespace peerage::bench
