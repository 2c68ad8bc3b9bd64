#include "tests/live/tunnel_flow.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <regex>

namespace peerage::live {

tunnel_flow::tunnel_flow(const client_host& from, const std::string& to,
                         const std::string& log_file)
    : log_file_(log_file),
      process_({.words = {"ping", "-n", "-i", "0.005", to},
                .environment = {},
                .network = from.network()},
               log_file) {}

void tunnel_flow::go_on_for(std::size_t more) {
  const std::size_t enough = replies() + more;
  EXPECT_TRUE(eventually(10s, [&] { return replies() >= enough; })) << "no replies any more";
}

void tunnel_flow::expect_nothing_lost() {
  process_.signal(SIGINT);
  ASSERT_TRUE(process_.wait(5s));
  const auto numbers = sequence();
  for (std::size_t i = 0; i < numbers.size(); ++i) ASSERT_EQ(numbers[i], i + 1);
  std::smatch sent;
  const std::string text = text_of_file(log_file_);
  ASSERT_TRUE(std::regex_search(text, sent, std::regex("(\\d+) packets transmitted"))) << text;
  EXPECT_LE(std::stoul(sent[1]), numbers.size() + 1);
}

std::vector<std::size_t> tunnel_flow::sequence() const {
  std::vector<std::size_t> numbers;
  const std::string text = text_of_file(log_file_);
  const std::string word = "icmp_seq=";
  for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
    numbers.push_back(std::stoul(text.substr(at + word.size(), 12)));
  }
  return numbers;
}

}  // namespace peerage::live
