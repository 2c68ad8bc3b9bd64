#include "consul/open.h"

#include <utility>

#include "consul/connection.h"

namespace peerage::consul {

result<std::shared_ptr<calls>> open_calls(const asio::any_io_executor& loop,
                                          const consul_options& options) {
  if (options.prefix.size() < 2 || !options.prefix.ends_with('/') ||
      options.prefix.starts_with('/')) {
    return fail(errc::invalid, "the prefix must end with / and not begin with one", "prefix");
  }
  auto url = http::parse_base_url(options.address);
  if (!url) {
    return fail(url.error().code, "Consul's address: " + url.error().message, "address");
  }
  auto access = options.access;
  if (!access) {
    auto made = read_consul_access(options);
    if (!made) return std::unexpected(std::move(made.error()));
    access = std::make_shared<consul_access>(*std::move(made));
  }
  connector connect = [loop, to = std::move(*url), access] {
    return std::make_shared<connection>(loop, to, access);
  };
  return std::make_shared<calls>(loop, std::move(connect), std::move(access));
}

}  // namespace peerage::consul

namespace peerage {

result<consul_access> read_consul_access(const consul_options& options) {
  consul_access made{options.token, {}};
  const auto url = http::parse_base_url(options.address);
  if (!url) {
    return fail(url.error().code, "Consul's address: " + url.error().message, "address");
  }
  if (!url->tls) return made;
  const http::tls_options files{options.ca_file, options.cert_file, options.key_file};
  auto tls = http::make_client_tls(files, url->host);
  if (!tls) return std::unexpected(std::move(tls.error()));
  made.tls = *std::move(tls);
  return made;
}

}  // namespace peerage
