// What can be said of the options without a server, and the pauses between two attempts to connect.
// Inside this room.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "base/time.h"
#include "natsbus/bus.h"

namespace peerage::nats {

/// Whether the connection must be TLS: a server says so, or a file is only of use with it.
bool wants_tls(const nats_options& from);

/// "HOST" of "SCHEME://USER:PASSWORD@HOST:PORT", without the brackets of an IPv6 address.
std::string host_of(std::string_view url);

/// What cnats says of a handshake that failed ("… handshake error: 10:certificate has expired:…",
/// with OpenSSL's number), in our words.
std::string tls_trouble(std::string_view said, const std::string& host);

/// The public key (U…) that stands in the file beside the seed. errc::invalid where there is none.
result<std::string> nkey_user(const std::string& file);

/// How long to wait after so many attempts in a row that failed: 100 ms doubled each time up to
/// 1 s, of which `jitter`, 0 to 1, takes up to a half. A server that is back is so noticed within
/// 2 s, and a thousand gateways do not come at once.
steady_duration pause_after(unsigned failures, double jitter);

}  // namespace peerage::nats
