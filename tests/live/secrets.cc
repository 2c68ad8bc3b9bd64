#include "tests/live/secrets.h"

#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <fstream>

#include "base/base64.h"
#include "tests/live/process.h"

namespace peerage::live {

void add_key(secrets& to, const std::string& name, const std::string& base64) {
  std::array<std::uint8_t, 32> bytes{};
  ASSERT_TRUE(base64_decode(base64, bytes)) << name;
  to[name] = {base64.substr(0, base64.find('=')), hex_encode(bytes)};
}

void add_pem(secrets& to, const std::string& name, const std::string& file) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (line.size() >= 16 && !line.starts_with("-----")) to[name].push_back(line);
  }
  ASSERT_GE(to[name].size(), 2U) << file;
}

void add_token(secrets& to, const std::string& name, const std::string& token) {
  constexpr std::size_t open = sizeof("prg_0123456789") - 1;
  ASSERT_GE(token.size(), open + 32) << name;
  to[name] = {token.substr(open)};
}

void expect_none(const secrets& all, const std::string& place, const std::string& text) {
  for (const auto& [name, spellings] : all) {
    for (const std::string& each : spellings) {
      ASSERT_GE(each.size(), 16U) << name;
      EXPECT_EQ(text.find(each), std::string::npos) << "the " << name << " is in " << place;
    }
  }
}

void expect_processes_tell_none(const secrets& hidden) {
  int daemons = 0;
  for (const auto& each : std::filesystem::directory_iterator("/proc")) {
    if (each.path().filename().string().find_first_not_of("0123456789") != std::string::npos) {
      continue;
    }
    const std::string arguments = text_of_file(each.path() / "cmdline");
    daemons += arguments.find("peeraged") != std::string::npos ? 1 : 0;
    expect_none(hidden, "the arguments " + arguments, arguments);
    expect_none(hidden, "the environment of " + arguments, text_of_file(each.path() / "environ"));
  }
  EXPECT_GE(daemons, 1);
}

std::string first_line(const std::string& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return line;
}

}  // namespace peerage::live
