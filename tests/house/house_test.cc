// The house's rules, held by a test: who may see whom, who may name which library, and how large
// things may grow. The rooms come from cmake/rooms.cmake, so the linker and this test agree.
// Usage: house_tests FOLDER [GoogleTest's flags]; FOLDER is the repository's.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/house/repository.h"

namespace peerage {

std::filesystem::path root;

namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_columns = 100;
constexpr std::size_t most_lines_in_function = 70;
constexpr std::size_t most_lines_in_file = 500;

struct source {
  std::string name;  // "src/plan/ledger.cc"
  std::vector<std::string> lines;
  std::string room() const {  // "" outside src/
    if (!name.starts_with("src/")) return {};
    return name.substr(4, name.find('/', 4) - 4);
  }
  bool test() const {
    return name.ends_with("_test.cc") || name.ends_with("/fixture.h") || !name.starts_with("src/");
  }
};

source read(const fs::path& path) {
  source made{fs::relative(path, root).generic_string(), {}};
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) made.lines.push_back(line);
  return made;
}

/// Every .h and .cc that is ours.
const std::vector<source>& sources() {
  static const std::vector<source> all = [] {
    std::vector<source> found;
    for (const char* folder : {"src", "tests", "bench", "fuzz"}) {
      if (!fs::exists(root / folder)) continue;
      for (const auto& each : fs::recursive_directory_iterator(root / folder)) {
        const auto kind = each.path().extension();
        if (kind == ".h" || kind == ".cc") found.push_back(read(each.path()));
      }
    }
    return found;
  }();
  return all;
}

std::string at(const source& file, std::size_t line) {
  return file.name + ":" + std::to_string(line + 1);
}

/// How wide a line is: characters, not bytes.
std::size_t width(const std::string& line) {
  return static_cast<std::size_t>(
      std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

std::map<std::string, std::set<std::string>> read_rooms() {
  std::map<std::string, std::set<std::string>> rooms;
  std::ifstream in(root / "cmake/rooms.cmake");
  const std::regex line_shape(R"(^room\((\w+)(.*)\)\s*$)");
  for (std::string line; std::getline(in, line);) {
    std::smatch parts;
    if (!std::regex_match(line, parts, line_shape)) continue;
    std::istringstream words(parts[2]);
    auto& uses = rooms[parts[1]];
    bool listing = false;
    for (std::string word; words >> word;) {
      if (word == "USES" || word == "LINKS") {
        listing = word == "USES";
      } else if (listing) {
        uses.insert(word);
      }
    }
  }
  return rooms;
}

/// What a room sees: what it uses, and what that uses, since headers include headers.
std::set<std::string> seen_by(const std::string& room,
                              const std::map<std::string, std::set<std::string>>& rooms) {
  std::set<std::string> all{room};
  std::vector<std::string> open{room};
  while (!open.empty()) {
    const auto found = rooms.find(open.back());
    open.pop_back();
    if (found == rooms.end()) continue;
    for (const std::string& each : found->second)
      if (all.insert(each).second) open.push_back(each);
  }
  return all;
}

const std::regex include_shape("^\\s*#\\s*include\\s*[<\"]([^>\"]+)[>\"]");

TEST(house, a_room_includes_only_what_it_may_see) {
  const auto rooms = read_rooms();
  ASSERT_GT(rooms.size(), 10U);
  for (const source& file : sources()) {
    const std::string room = file.room();
    if (room.empty() || room == "bin") continue;
    ASSERT_TRUE(rooms.contains(room)) << file.name << " is in a room that cmake/rooms.cmake lacks";
    auto allowed = seen_by(room, rooms);
    if (file.test()) allowed.merge(seen_by("testing", rooms));
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      std::smatch parts;
      if (!std::regex_search(file.lines[i], parts, include_shape)) continue;
      const std::string what = parts[1];
      const std::string other = what.substr(0, what.find('/'));
      if (what.find('/') == std::string::npos || !rooms.contains(other)) continue;
      EXPECT_TRUE(allowed.contains(other))
          << at(file, i) << ": " << room << " may not see " << what;
    }
  }
}

struct library {
  const char* header;  // a regular expression for what is included
  std::set<std::string> rooms;
};

TEST(house, a_library_is_named_in_its_own_room) {
  const std::vector<library> libraries = {
      {"sqlite3\\.h", {"sqlite"}}, {"libmnl/.*", {"netlink"}},   {"boost/beast.*", {"http"}},
      {"boost/json.*", {"json"}},  {"toml\\+\\+.*", {"config"}}, {"CLI/.*", {"cli"}},
      {"qrencode\\.h", {"cli"}},   {"spdlog/.*", {"log"}},       {"prometheus/.*", {"metrics"}},
      {"openssl/.*", {"crypto"}},  {"nats/.*", {"natsbus"}},
  };
  for (const source& file : sources()) {
    if (file.room().empty()) continue;
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      std::smatch parts;
      if (!std::regex_search(file.lines[i], parts, include_shape)) continue;
      const std::string what = parts[1];
      for (const library& each : libraries) {
        if (!std::regex_match(what, std::regex(each.header))) continue;
        EXPECT_TRUE(each.rooms.contains(file.room()))
            << at(file, i) << ": room " << file.room() << " may not name " << what;
      }
    }
  }
}

TEST(house, values_and_decisions_use_the_standard_library_alone) {
  for (const source& file : sources()) {
    const std::string room = file.room();
    if (file.test() || (room != "base" && room != "model" && room != "plan")) continue;
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      EXPECT_EQ(file.lines[i].find("#include <boost"), std::string::npos) << at(file, i);
    }
  }
}

TEST(house, lines_files_and_functions_stay_small) {
  for (const source& file : sources()) {
    EXPECT_LE(file.lines.size(), most_lines_in_file) << file.name;
    std::size_t begun = 0;
    bool inside = false;
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      const std::string& line = file.lines[i];
      EXPECT_LE(width(line), most_columns) << at(file, i);
      // The sources are formatted: what begins at the margin and opens a brace ends at the margin.
      const bool opens =
          !line.empty() && line.back() == '{' && line[0] != ' ' && line[0] != '}' &&
          !std::regex_search(line, std::regex("^(namespace|struct|class|enum|union|"
                                              "extern|template|constexpr|const)\\b"));
      if (opens && !inside) {
        inside = true;
        begun = i;
      }
      if (inside && line.starts_with("}")) {
        EXPECT_LE(i - begun + 1, most_lines_in_function) << at(file, begun);
        inside = false;
      }
    }
  }
}

TEST(house, headers_begin_with_what_they_are) {
  for (const source& file : sources()) {
    if (!file.name.ends_with(".h") || file.room().empty()) continue;
    ASSERT_FALSE(file.lines.empty()) << file.name;
    EXPECT_TRUE(file.lines[0].starts_with("// ")) << file.name << " does not say what it is";
  }
}

TEST(house, the_readme_installs_what_the_units_start) {
  std::ifstream in(root / "README.md");
  const std::string readme{std::istreambuf_iterator<char>(in), {}};
  std::smatch installed;
  ASSERT_TRUE(std::regex_search(readme, installed,
                                std::regex("install build/release/peeraged [^\n]* (/[a-z/]+)/\n")));
  for (const char* unit : {"peerage.service", "peerage-api.service", "peerage-gateway.service"}) {
    const source file = read(root / "packaging/systemd" / unit);
    const std::string wanted = "ExecStart=" + installed[1].str() + "/peeraged ";
    EXPECT_TRUE(std::ranges::any_of(
        file.lines, [&](const std::string& line) { return line.starts_with(wanted); }))
        << unit << " does not start " << wanted;
  }
}

TEST(house, nothing_is_left_for_later) {
  const std::regex words("\\b(TODO|FIXME|XXX|HACK|GTEST_SKIP)\\b|DISABLED_");
  for (const source& file : sources()) {
    if (file.name.starts_with("tests/house/")) continue;
    for (std::size_t i = 0; i < file.lines.size(); ++i)
      EXPECT_FALSE(std::regex_search(file.lines[i], words)) << at(file, i);
  }
}

}  // namespace
}  // namespace peerage

int main(int argc, char** argv) {
  if (argc < 2 || !std::filesystem::exists(std::filesystem::path(argv[1]) / "cmake/rooms.cmake")) {
    std::cerr << "usage: house_tests FOLDER\n";
    return 2;
  }
  peerage::root = argv[1];
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
