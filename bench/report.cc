#include "bench/report.h"

#include <algorithm>
#include <cmath>

#include "bench/place.h"

namespace peerage::bench {
namespace {

constexpr std::array<std::pair<std::string_view, double>, 4> columns{
    {{"p50", 50}, {"p90", 90}, {"p99", 99}, {"max", 100}}};

double p50(const measured& from, part which) {
  return percentile(from.parts[static_cast<std::size_t>(which)], 50);
}

double sum_of_parts(const measured& from) {
  return p50(from, part::commit) + p50(from, part::device) + p50(from, part::http);
}

double quotient(double above, double below) {
  return below > 0 ? above / below : 0;
}

double whole_to_parts(const measured& from) {
  return quotient(p50(from, part::create), sum_of_parts(from));
}

void print_row(std::FILE* to, std::string_view label, const series& values) {
  std::fprintf(to, "  %-34.*s", static_cast<int>(label.size()), label.data());
  for (const auto& [name, percent] : columns) {
    std::fprintf(to, "%9.3f", percentile(values, percent));
  }
  std::fputc('\n', to);
}

void print_number(std::FILE* to, const char* label, double value, const char* note = "") {
  std::fprintf(to, "  %-34s%9.3f%s\n", label, value, note);
}

void print_line(std::FILE* to, const std::string& name, double value, const char* unit) {
  std::fprintf(to, "{\"name\": \"standalone.%s\", \"value\": %.6g, \"unit\": \"%s\"}\n",
               name.c_str(), value, unit);
}

void print_lines(std::FILE* to, const std::string& name, const series& values) {
  for (const auto& [column, percent] : columns) {
    print_line(to, name + "." + std::string(column), percentile(values, percent), "ms");
  }
}

}  // namespace

double percentile(series values, double percent) {
  if (values.empty()) return 0;
  const double rank = std::ceil(percent / 100 * static_cast<double>(values.size()));
  const auto at = values.begin() + (static_cast<std::ptrdiff_t>(std::max(rank, 1.0)) - 1);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

ratios ratios_of(const std::vector<measured>& all) {
  ratios made;
  for (const measured& each : all) {
    made.whole_to_parts = std::max(made.whole_to_parts, whole_to_parts(each));
  }
  const auto [fewest, most] = std::ranges::minmax_element(all, {}, &measured::peers);
  made.most_to_fewest = quotient(p50(*most, part::create), p50(*fewest, part::create));
  return made;
}

void print_table(std::FILE* to, const std::vector<measured>& all) {
  constexpr std::array<std::string_view, 4> labels{"create, from request to answer",
                                                   "one SQLite commit", "one device add",
                                                   "one empty HTTP round trip"};
  for (const measured& each : all) {
    std::fprintf(to, "\nWith %s peers, %s rounds, in milliseconds", with_commas(each.peers).c_str(),
                 with_commas(each.parts[0].size()).c_str());
    std::fputs("\n                                    ", to);
    for (const auto& [name, percent] : columns) {
      std::fprintf(to, "%9.*s", static_cast<int>(name.size()), name.data());
    }
    std::fputc('\n', to);
    for (std::size_t i = 0; i < labels.size(); ++i) print_row(to, labels[i], each.parts[i]);
    print_number(to, "sum of the three parts", sum_of_parts(each));
    print_number(to, "beside the parts", p50(each, part::create) - sum_of_parts(each));
    for (std::size_t i = 0; i < stage_names.size(); ++i) {
      print_row(to, "stage " + std::string(stage_names[i]) + ", as answered", each.stages[i]);
    }
    print_number(to, "create / sum of the parts", whole_to_parts(each), " times");
  }
  if (all.size() < 2) return;
  std::fputc('\n', to);
  print_number(to, "create, most / fewest peers", ratios_of(all).most_to_fewest, " times");
}

void print_json(std::FILE* to, const std::vector<measured>& all) {
  for (const measured& each : all) {
    const std::string peers = std::to_string(each.peers) + ".";
    for (std::size_t i = 0; i < part_names.size(); ++i) {
      print_lines(to, peers + std::string(part_names[i]), each.parts[i]);
    }
    for (std::size_t i = 0; i < stage_names.size(); ++i) {
      print_lines(to, peers + "stage_" + std::string(stage_names[i]), each.stages[i]);
    }
    print_line(to, peers + "sum_of_parts.p50", sum_of_parts(each), "ms");
    print_line(to, peers + "create_to_sum_of_parts", whole_to_parts(each), "ratio");
  }
  if (all.size() < 2) return;
  print_line(to, "create_most_to_fewest_peers", ratios_of(all).most_to_fewest, "ratio");
}

}  // namespace peerage::bench
