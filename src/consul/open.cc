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
  std::shared_ptr<http::client_tls> tls;
  if (url->tls) {
    const http::tls_options files{options.ca_file, options.cert_file, options.key_file};
    auto made = http::make_client_tls(files, url->host);
    if (!made) return std::unexpected(std::move(made.error()));
    tls = *std::move(made);
  }
  connector connect = [loop, to = std::move(*url), tls = std::move(tls)] {
    return std::make_shared<connection>(loop, to, tls);
  };
  return std::make_shared<calls>(loop, std::move(connect), options.token);
}

}  // namespace peerage::consul
