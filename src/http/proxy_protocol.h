// The PROXY protocol, versions 1 and 2 (HAProxy's proxy-protocol.txt): a header before everything
// else on a connection, TLS included, by which a proxy says whose connection it passes on. Pure:
// the caller reads bytes from a socket, exactly as many as it is told, since those behind the
// header belong to TLS or HTTP.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <cstddef>
#include <optional>
#include <string_view>

#include "async/task.h"
#include "base/error.h"

namespace peerage::http {

struct proxy_header {
  std::size_t missing = 0;  // so many bytes have to follow, at least; 0: the header is whole
  // Of a whole one; unset where the connection is the proxy's own (LOCAL, UNKNOWN), or its client's
  // address is of no family of IP.
  std::optional<asio::ip::address> client = {};
};

/// `bytes` is what has come of it so far. errc::invalid where no header begins that way, or it is
/// longer than 536 bytes.
result<proxy_header> read_proxy_header(std::string_view bytes);

}  // namespace peerage::http
