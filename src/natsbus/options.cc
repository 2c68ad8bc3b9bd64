#include "natsbus/options.h"

#include <algorithm>
#include <charconv>
#include <fstream>

#include "base/url.h"
#include "crypto/certificate.h"

namespace peerage::nats {

bool wants_tls(const nats_options& from) {
  if (!from.ca_file.empty() || !from.cert_file.empty()) return true;
  return std::ranges::any_of(from.servers,
                             [](const std::string& each) { return each.starts_with("tls://"); });
}

std::string host_of(std::string_view url) {
  const std::string bare = without_user(url);
  const auto scheme = bare.find("://");
  std::string host = scheme == std::string::npos ? bare : bare.substr(scheme + 3);
  if (host.starts_with('[')) return host.substr(1, host.find(']') - 1);
  return host.substr(0, host.find(':'));
}

std::string tls_trouble(std::string_view said, const std::string& host) {
  constexpr std::string_view mark = "handshake error: ";
  const auto at = said.find(mark);
  if (at != std::string_view::npos) said.remove_prefix(at + mark.size());
  int verdict = 0;
  const auto [end, problem] = std::from_chars(said.data(), said.data() + said.size(), verdict);
  const bool number = problem == std::errc{} && said.substr(end - said.data()).starts_with(':');
  return number ? certificate_trouble(verdict, host) : std::string(said);
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
