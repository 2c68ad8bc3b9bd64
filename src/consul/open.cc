#include "consul/open.h"

#include <utility>

namespace peerage::consul {
namespace {

constexpr std::string_view https = "https://";
constexpr std::uint16_t https_port = 443;

/// The same for both schemes, but for the port where none is named.
result<http::base_url> parse_address(const std::string& text) {
  if (!text.starts_with(https)) return http::parse_base_url(text);
  const std::string rest = text.substr(https.size());
  auto url = http::parse_base_url("http://" + rest);
  const bool named = url && rest.starts_with(url->authority() + ":80");
  if (url && url->port == 80 && !named) url->port = https_port;
  return url;
}

}  // namespace

result<std::shared_ptr<calls>> open_calls(const asio::any_io_executor& loop,
                                          const consul_options& options) {
  if (options.prefix.size() < 2 || !options.prefix.ends_with('/') ||
      options.prefix.starts_with('/')) {
    return fail(errc::invalid, "the prefix must end with / and not begin with one", "prefix");
  }
  auto url = parse_address(options.address);
  if (!url) {
    return fail(url.error().code, "Consul's address: " + url.error().message, "address");
  }
  std::shared_ptr<tls_settings> tls;
  if (options.address.starts_with(https)) {
    const tls_options files{options.ca_file, options.cert_file, options.key_file};
    auto made = make_tls(files, url->host);
    if (!made) return std::unexpected(std::move(made.error()));
    tls = *std::move(made);
  }
  return std::make_shared<calls>(loop, std::move(*url), std::move(tls), options.token);
}

}  // namespace peerage::consul
