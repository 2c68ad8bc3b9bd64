// The API's address and certificate, as its config says.
#pragma once

#include <memory>
#include <string>

#include "base/error.h"
#include "config/config.h"
#include "http/tls.h"

namespace peerage {

/// Read now; none where the config names no certificate. errc::invalid with the file.
result<std::shared_ptr<http::server_tls>> open_tls(const api_config& config);

/// "https://ADDRESS:PORT", or "http://…".
std::string api_url(const api_config& config);

}  // namespace peerage
