// The bytes of a message's head (RFC 9112), without its body. Pure; the server and the client of
// this room call it. A header that would break out of its line is refused, not repaired.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/error.h"
#include "http/message.h"

namespace peerage::http {

/// Appends the status line and the headers, with the Content-Length of the body (a 204 and a 304
/// have none) and a Connection header where `keep_alive` is not what `version` means by itself.
/// version is 10 or 11. False when a header is not fit to be sent; `out` is then spoilt.
bool append_answer_head(std::string& out, const response& answer, int version, bool keep_alive);

/// "Sun, 29 Nov 2026 16:16:59 GMT" (RFC 9110, section 5.6.7).
std::string http_date(std::chrono::system_clock::time_point now);

/// The request line and the headers. `host` is the value of the Host header.
/// errc::invalid for a method, path, query or header that is not fit to be sent.
result<std::string> encode_request_head(const request& wanted, std::string_view host);

}  // namespace peerage::http
