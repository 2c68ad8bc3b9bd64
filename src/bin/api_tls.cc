#include "bin/api_tls.h"

#include "base/private_file.h"

namespace peerage {

result<std::shared_ptr<http::server_tls>> open_tls(const api_config& config) {
  if (config.tls.cert.empty()) return std::shared_ptr<http::server_tls>{};
  if (auto safe = check_secret_file(config.tls.key); !safe) {
    return std::unexpected(std::move(safe.error()));
  }
  return http::make_server_tls(config.tls.cert, config.tls.key);
}

std::string api_url(const api_config& config) {
  if (config.listen.starts_with("unix:")) return config.listen;
  return (config.tls.cert.empty() ? "http://" : "https://") + config.listen;
}

}  // namespace peerage
