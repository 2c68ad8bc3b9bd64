#include "bench/usage.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <sstream>
#include <stdexcept>

#include "bench/place.h"

namespace peerage::bench {

usage usage_of(pid_t process) {
  const std::string text = text_of_file("/proc/" + std::to_string(process) + "/stat");
  if (text.empty()) throw std::runtime_error("a process that is measured has ended");
  std::istringstream after_name(text.substr(text.rfind(')') + 2));  // field 3 of proc(5) on
  std::string word;
  usage made;
  for (int field = 3; field <= 24 && after_name >> word; ++field) {
    if (field == 14 || field == 15) {
      made.cpu_s += std::stod(word) / static_cast<double>(::sysconf(_SC_CLK_TCK));
    }
    if (field == 24) {
      made.memory_mb = std::stod(word) * static_cast<double>(::sysconf(_SC_PAGESIZE)) / 1e6;
    }
  }
  return made;
}

pid_t process_with(const std::string& program, const std::string& word) {
  for (const auto& each : std::filesystem::directory_iterator("/proc")) {
    const std::string name = each.path().filename();
    if (!std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; })) continue;
    std::string words = text_of_file(each.path() / "cmdline");
    std::ranges::replace(words, '\0', ' ');
    const std::string first = words.substr(0, words.find(' '));
    if (first.ends_with(program) && words.contains(word + " ")) return std::stoi(name);
  }
  throw std::runtime_error("there is no process " + program + " " + word);
}

}  // namespace peerage::bench
