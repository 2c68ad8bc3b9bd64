// Proxies before the server: whose word is taken for who a client is, and what they say of it.
// Pure. X-Forwarded-For comes from outside, and a client may have begun it as it likes.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "async/task.h"
#include "base/error.h"
#include "http/message.h"

namespace peerage::http {

class proxy_list {
 public:
  /// Each is "10.0.0.0/8", "fd00::/8", one address, or "unix:" for whoever reaches the server's
  /// Unix socket. errc::invalid, naming the one that is none of these.
  static result<proxy_list> parse(const std::vector<std::string>& texts);

  bool contains(const asio::ip::address& address) const;
  bool contains_unix() const { return unix_; }

 private:
  std::vector<asio::ip::network_v4> v4_;
  std::vector<asio::ip::network_v6> v6_;
  bool unix_ = false;
};

/// An IPv4 address in an IPv6 one ("::ffff:192.0.2.7") is the IPv4 address.
asio::ip::address without_mapping(asio::ip::address address);

/// The client of a request that came from a trusted proxy: the rightmost address of
/// X-Forwarded-For that is no trusted proxy. Unset where the header names no client: it is absent,
/// or what the last trusted proxy wrote is no address. Ports and zones are dropped.
std::optional<asio::ip::address> forwarded_client(const header_list& headers,
                                                  const proxy_list& trusted);

}  // namespace peerage::http
