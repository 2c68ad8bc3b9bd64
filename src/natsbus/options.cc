#include "natsbus/options.h"

#include <algorithm>
#include <fstream>

namespace peerage::nats {

bool wants_tls(const nats_options& from) {
  if (!from.ca_file.empty() || !from.cert_file.empty()) return true;
  return std::ranges::any_of(from.servers,
                             [](const std::string& each) { return each.starts_with("tls://"); });
}

std::string without_user(std::string_view url) {
  const auto scheme = url.find("://");
  const auto begin = scheme == std::string_view::npos ? 0 : scheme + 3;
  const auto at = url.rfind('@');
  if (at == std::string_view::npos || at < begin) return std::string(url);
  return std::string(url.substr(0, begin)) + std::string(url.substr(at + 1));
}

result<std::string> nkey_user(const std::string& file) {
  std::ifstream in(file);
  if (!in) return fail(errc::io, "can't read " + file, "nkey_file");
  for (std::string line; std::getline(in, line);) {
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
    if (line.size() == 56 && line.front() == 'U') return std::string(line.data(), 56);
  }
  return fail(errc::invalid,
              file + " has no line with the user's public key (56 characters that begin with U)",
              "nkey_file");
}

steady_duration pause_after(unsigned failures, double jitter) {
  const milliseconds most{1'000};
  const auto whole = std::min(most, milliseconds{100} * (1U << std::min(failures, 10U)));
  const auto less = std::clamp(jitter, 0.0, 1.0) * 0.5;
  return std::chrono::duration_cast<steady_duration>(whole * (1.0 - less));
}

}  // namespace peerage::nats
