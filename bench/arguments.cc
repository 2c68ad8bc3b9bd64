#include "bench/arguments.h"

#include <getopt.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace peerage::bench {
namespace {

constexpr std::uint64_t most_rounds = 1'000'000;

std::optional<std::uint64_t> whole(std::string_view text, std::uint64_t most) {
  std::uint64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || end != text.data() + text.size() || value == 0 || value > most) {
    return {};
  }
  return value;
}

std::vector<std::uint32_t> numbers(std::string_view text, const argument_rules& rules) {
  std::vector<std::uint32_t> all;
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    const auto one = whole(text.substr(0, comma), rules.most_peers);
    if (!one || all.size() == rules.most_stands) return {};
    all.push_back(static_cast<std::uint32_t>(*one));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return all;
}

}  // namespace

std::optional<arguments> parse_arguments(int argc, char** argv, const char* help,
                                         argument_rules rules) {
  static const option all[] = {{"bin-dir", required_argument, nullptr, 'b'},
                               {"consul", required_argument, nullptr, 's'},
                               {"json", required_argument, nullptr, 'j'},
                               {"peers", required_argument, nullptr, 'p'},
                               {"rounds", required_argument, nullptr, 'r'},
                               {"quick", no_argument, nullptr, 'q'},
                               {"check", no_argument, nullptr, 'c'},
                               {"help", no_argument, nullptr, 'h'},
                               {nullptr, 0, nullptr, 0}};
  arguments made;
  bool good = true;
  for (int flag = 0; (flag = getopt_long(argc, argv, "", all, nullptr)) != -1;) {
    const std::string value = optarg == nullptr ? "" : optarg;
    switch (flag) {
      case 'b': made.bin_dir = value; break;
      case 's': made.consul = value; break;
      case 'j': made.json = value; break;
      case 'q': made.quick = true; break;
      case 'c': made.check = true; break;
      case 'h': std::fputs(help, stdout); std::exit(0);
      case 'r':
        made.rounds = whole(value, most_rounds).value_or(0);
        good = good && made.rounds > 0;
        break;
      case 'p':
        made.peers = numbers(value, rules);
        good = good && !made.peers.empty();
        break;
      default: good = false;
    }
  }
  good = good && (!rules.needs_consul || !made.consul.empty());
  if (good && optind == argc && !made.bin_dir.empty()) return made;
  std::fputs(help, stderr);
  return {};
}

}  // namespace peerage::bench
