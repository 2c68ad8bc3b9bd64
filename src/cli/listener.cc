#include "cli/listener.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <fstream>
#include <optional>
#include <sstream>

namespace peerage::cli {
namespace {

constexpr std::string_view listening = "0A";

template <class Number>
std::optional<Number> number(std::string_view text, int base) {
  Number value{};
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (failure != std::errc{} || end != text.data() + text.size()) return {};
  return value;
}

/// The kernel prints each four bytes of an address as one number of this machine.
std::optional<std::string> address(std::string_view hex) {
  if (hex.size() != 8 && hex.size() != 32) return {};
  std::string bytes;
  for (; !hex.empty(); hex.remove_prefix(8)) {
    const auto word = number<std::uint32_t>(hex.substr(0, 8), 16);
    if (!word) return {};
    std::array<char, 4> four{};
    std::memcpy(four.data(), &*word, four.size());
    bytes.append(four.data(), four.size());
  }
  return bytes;
}

/// Whether a connection to 127.0.0.1 may end there.
bool is_loopback_or_any(std::string_view bytes) {
  const std::string mapped = std::string(10, '\0') + "\xff\xff";
  if (bytes.starts_with(mapped)) bytes.remove_prefix(mapped.size());
  const std::string_view loopback("\x7f\0\0\1", 4);
  return bytes == loopback || bytes.find_first_not_of('\0') == std::string_view::npos;
}

}  // namespace

std::vector<uid_t> listeners(std::string_view table, std::uint16_t port) {
  std::vector<uid_t> users;
  std::istringstream lines{std::string(table)};
  std::string line, slot, local, remote, state, queues, timer, retries, user;
  std::getline(lines, line);  // the columns' names
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    words >> slot >> local >> remote >> state >> queues >> timer >> retries >> user;
    const std::size_t colon = local.find(':');
    if (!words || state != listening || colon == std::string::npos) continue;
    const auto at = address(std::string_view(local).substr(0, colon));
    const auto on = number<std::uint16_t>(std::string_view(local).substr(colon + 1), 16);
    const auto who = number<uid_t>(user, 10);
    if (at && on == port && who && is_loopback_or_any(*at)) users.push_back(*who);
  }
  return users;
}

result<> check_listener(const std::string& proc_net, std::uint16_t port,
                        const std::string& state_dir) {
  struct stat folder{};
  const bool there = ::stat(state_dir.c_str(), &folder) == 0;
  for (const char* name : {"/tcp", "/tcp6"}) {
    std::ostringstream table;
    table << std::ifstream(proc_net + name).rdbuf();
    for (const uid_t user : listeners(table.str(), port)) {
      if (user == 0 || user == ::geteuid() || (there && user == folder.st_uid)) continue;
      return fail(errc::denied,
                  "user " + std::to_string(user) +
                      " of this host listens on 127.0.0.1:" + std::to_string(port) +
                      ", and is not the daemon's; no token was sent. Is peeraged running? To use "
                      "that server all the same, name it with --server and give its token");
    }
  }
  return {};
}

}  // namespace peerage::cli
