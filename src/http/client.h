// The HTTP/1.1 client: one connection to one server, kept open between requests, one request at a
// time, over TLS where the URL says so. Owned by whoever talks to that server; used on one event
// loop's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "async/task.h"
#include "base/error.h"
#include "base/time.h"
#include "http/message.h"
#include "http/tls.h"

namespace peerage::http {

struct base_url {
  std::string host;  // a name or an address, without brackets
  std::uint16_t port = 80;
  bool tls = false;

  std::string path{};  // of a Unix socket, which is what there is then in place of host and port

  std::string authority() const;  // for the Host header: "[::1]:7420"
  std::string text() const;       // what parse_base_url() reads back
  bool operator==(const base_url&) const = default;
};

/// "http://HOST", "https://HOST:PORT", with or without a "/" at the end; port 80 or 443 where there
/// is none; or "unix:/PATH", plain. errc::invalid for all else, a path and a user's name in it
/// included.
result<base_url> parse_base_url(std::string_view text);

struct client_limits {
  std::size_t header_bytes = 64 * 1024;
  std::size_t body_bytes = 64 * 1024 * 1024;
};

class client {
 public:
  /// Connects with the first request. `tls` is for an https:// URL, and made for its host; without
  /// it the system's authorities count. Errors as parse_base_url() and make_client_tls().
  static result<client> to(asio::any_io_executor loop, std::string_view url,
                           client_limits bounds = {}, std::shared_ptr<client_tls> tls = {});
  ~client();
  client(client&&) noexcept;
  client& operator=(client&&) noexcept;

  /// Sends it and returns the answer, whatever its status. Host and Content-Length are written
  /// here. Calls do not overlap: one that does throws std::logic_error. A kept connection that
  /// turns out to be closed is opened again: once, before any byte of an answer, and for GET, HEAD,
  /// PUT and DELETE alone where the request may have been sent. Cancelling closes the connection.
  ///
  /// errc::unavailable: it was not sent, or was a GET or HEAD whose answer was lost; "can't reach
  /// http://…: Connection refused", or what is wrong with the server's certificate.
  /// errc::outcome_unknown: it was sent, and the connection closed before the answer was whole.
  /// errc::timeout: `deadline`, from now, passed after the connection was open. errc::corrupt: the
  /// answer is no HTTP, or too large. errc::invalid: the request can't be written as HTTP.
  task<result<response>> send(request wanted, steady_duration deadline);

 private:
  struct state;
  explicit client(std::shared_ptr<state> made);
  std::shared_ptr<state> state_;
};

/// One request from a program without an event loop of its own. Blocks until client::send() would
/// return.
result<response> send_blocking(std::string_view url, request wanted, steady_duration deadline,
                               client_limits bounds = {});

}  // namespace peerage::http
