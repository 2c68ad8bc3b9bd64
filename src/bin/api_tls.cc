#include "bin/api_tls.h"

namespace peerage {

result<std::shared_ptr<http::server_tls>> open_tls(const api_config& config) {
  if (config.tls.cert.empty()) return std::shared_ptr<http::server_tls>{};
  return http::make_server_tls(config.tls.cert, config.tls.key);
}

std::string api_url(const api_config& config) {
  if (config.listen.starts_with("unix:")) return config.listen;
  return (config.tls.cert.empty() ? "http://" : "https://") + config.listen;
}

}  // namespace peerage
