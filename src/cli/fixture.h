// For tests of this room: runs the whole command against a fake API, in a folder of its own.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "cli/fake_api.h"
#include "cli/run.h"
#include "json/json.h"
#include "testing/own_folder.h"

namespace peerage::cli {

struct ran {
  int status = -1;
  std::string out;
  std::string err;
};

class command : public testing::Test {
 protected:
  command() {
    environment_["HOME"] = folder_;
    environment_["PEERAGE_SERVER"] = api_.url();
    environment_["PEERAGE_TOKEN"] = "secret-token";
    environment_["PEERAGE_NETWORK"] = "acme";
  }
  ran run_command(const std::vector<std::string>& arguments) {
    std::vector<const char*> argv{"peerage"};
    for (const std::string& each : arguments) argv.push_back(each.c_str());
    std::istringstream in(typed_);
    std::ostringstream out, err;
    surroundings world{.in = in,
                       .out = out,
                       .err = err,
                       .in_is_terminal = terminal_,
                       .out_is_terminal = terminal_,
                       .err_is_terminal = terminal_,
                       .err_columns = columns_,
                       .ipv6_works = ipv6_works_,
                       .environment = environment_,
                       .now = [] { return wall_time{seconds{1'800'000'000}}; },
                       .patience = patience_,
                       .admin_token_file = folder_ + "/admin-token"};
    const int status = run(static_cast<int>(argv.size()), argv.data(), world);
    return {status, out.str(), err.str()};
  }

  std::string path(const std::string& name) const { return folder_ + "/" + name; }

  void write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(path(name)).parent_path());
    std::ofstream(path(name)) << text;
  }

  static std::string read(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }

  std::size_t entries() const {
    const std::filesystem::directory_iterator begin(folder_), end;
    return static_cast<std::size_t>(std::distance(begin, end));
  }

  json::value body_of(std::size_t call) const {
    return json::parse(api_.asked().at(call).body).value();
  }

  fakes::own_folder own_;
  std::string folder_ = own_.path();
  std::string typed_;  // on standard input
  bool terminal_ = false;
  std::size_t columns_ = 0;
  bool ipv6_works_ = true;
  milliseconds patience_{20'000};
  fake_api api_;
  std::map<std::string, std::string, std::less<>> environment_;
};

}  // namespace peerage::cli
