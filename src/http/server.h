// The HTTP/1.1 server: it listens, reads whole requests, hands each to a handler and writes the
// answer. It knows limits and deadlines, and nothing of what a request means. Made at start by
// whoever runs the event loop; every call, and the handler, runs on that loop's one thread. The
// owner awaits stop() before it lets the server go.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "async/task.h"
#include "base/error.h"
#include "base/time.h"
#include "http/message.h"
#include "http/proxies.h"
#include "http/tls.h"

namespace peerage::http {

/// Every bound of the server. A request that crosses one gets the status beside it.
struct limits {
  std::size_t header_bytes = 16 * 1024;  // 431
  std::size_t body_bytes = 64 * 1024;    // 413
  steady_duration header_time =
      seconds{10};  // from connecting, or the first byte of a later
                    // request: 408; closed without a word where no byte came
  steady_duration body_time = seconds{10};   // the whole body: 408
  steady_duration idle_time = seconds{120};  // between two requests: closed
  steady_duration write_time = seconds{10};  // a whole answer: closed
  // After stop(), an idle connection may still bring the request that its client sent before it
  // could know; it is answered, with `Connection: close`.
  steady_duration last_call = milliseconds{100};
  // Before it closes, a connection reads and drops what is still on its way: most clients write a
  // whole body before they look for an answer, and a reset would hide the 413 from them. It ends
  // after drain_pause without a byte, after drain_time, or after drain_bytes. Only so many
  // connections at once may take that long; any other ends after drain_pause.
  steady_duration drain_pause = seconds{1};
  steady_duration drain_time = seconds{15};
  std::size_t drain_bytes = 32 * 1024 * 1024;
  std::size_t drains = 64;
  // Where a new connection finds this many, one that waits for a request is closed in its favour:
  // the one that has waited longest of those whose host has more than its share. Where every one is
  // at work, the new one gets a 503 (over TLS it is closed: a handshake costs more than the rest).
  std::size_t connections = 4096;
  // Of one host, an IPv4 address or an IPv6 /64: its own that has waited longest is closed; where
  // every one is at work, the new one gets a 429.
  std::size_t connections_per_host = 1024;
  std::size_t in_flight = 1024;          // requests being handled: 503 with Retry-After
  std::size_t in_flight_per_host = 512;  // 429 with Retry-After
  // After a 429 the next request of that connection is not read for about so long: a client that
  // does not wait by itself costs little.
  steady_duration pause_after_429 = milliseconds{250};
  std::size_t streams = 256;                         // answers that go on and on: 503
  steady_duration accept_pause = milliseconds{100};  // after the system refused a connection
  // Of a request from one of these the client is who X-Forwarded-For names, and the limits of one
  // host are that client's. Their own connections have no limit of a host.
  proxy_list trusted_proxies = {};
  // Their connections begin with a PROXY header, which names the client; nobody else's do.
  bool proxy_protocol = false;
};

/// Answers a request. Many run at once, one for each connection. What it throws becomes a 500. A
/// request with HEAD comes as GET; its answer's body is counted and not sent. stop() cancels those
/// that outlast its grace, and waits until they have returned.
using handler = std::function<task<response>(request)>;

/// Makes an answer that the server gives by itself: 400, 408, 411, 413, 417, 429, 431, 500, 501,
/// 503, 505. `detail` is a sentence without a final stop.
using refuser = std::function<response(int status, std::string detail)>;

struct server_core;

class server {
 public:
  /// `address`: "127.0.0.1:7420", "[::1]:7420"; port 0 is any free one; or
  /// "unix:/run/peerage.sock", a Unix socket that every user of the host may connect to. Serves
  /// from now on, over TLS where that is given. errc::invalid for another form, errc::conflict when
  /// it is in use, errc::denied, errc::io.
  static result<std::unique_ptr<server>> listen(asio::any_io_executor loop, std::string address,
                                                limits bounds, handler handle, refuser refuse,
                                                std::shared_ptr<server_tls> tls = {});
  ~server();
  server(const server&) = delete;
  server& operator=(const server&) = delete;

  std::uint16_t port() const { return port_; }  // 0: a Unix socket

  /// The connections from now on speak TLS with that; the ones that are open keep what they have.
  void use(std::shared_ptr<server_tls> tls);

  /// Open connections, those on their way out not counted.
  std::size_t connections() const;

  /// Accepts nothing more and closes idle connections after the last call (see limits); requests
  /// that are being handled have `grace` to be answered, then they are cancelled and their
  /// connections closed. Returns when every coroutine is gone. May be called again, and at the same
  /// time.
  task<> stop(steady_duration grace);

 private:
  server(std::shared_ptr<server_core> core, std::uint16_t port);

  std::shared_ptr<server_core> core_;
  std::uint16_t port_ = 0;
};

}  // namespace peerage::http
