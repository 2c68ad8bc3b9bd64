// A connection's bytes, plain or through TLS: a socket, and once a handshake is done what lies over
// it. Owned by one connection and used on its loop's thread: one read and one write at a time. For
// whoever speaks HTTP over a socket of its own.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <memory>
#include <string>
#include <utility>

#include "async/task.h"
#include "http/tls.h"

namespace peerage::http {

struct client_tls {
  asio::ssl::context context{asio::ssl::context::tls_client};
  std::string host;
};

struct server_tls {
  asio::ssl::context context{asio::ssl::context::tls_server};
};

class stream {
 public:
  using executor_type = asio::ip::tcp::socket::executor_type;

  explicit stream(asio::ip::tcp::socket socket) : socket_(std::move(socket)) {}
  explicit stream(const asio::any_io_executor& loop) : socket_(loop) {}

  asio::ip::tcp::socket& socket() { return socket_; }
  executor_type get_executor() { return socket_.get_executor(); }

  /// The server's half of a handshake; false where it came to nothing. Closing or cancelling the
  /// socket ends it.
  task<bool> accept_tls(std::shared_ptr<server_tls> with);
  /// The client's half, on a socket that has just been connected. errc::unavailable says why it
  /// came to nothing, with `certificate_field` where that is the server's certificate.
  task<result<>> connect_tls(std::shared_ptr<client_tls> with);
  /// Nothing more will be written: says so, over TLS, and waits for the other side to say the same.
  /// Afterwards what comes is read from the socket alone.
  task<> end_tls();
  /// For another connection on the same socket, plain until a handshake.
  void forget_tls() { tls_.reset(); }

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& into, Token&& token) {
    if (tls_) return tls_->over.async_read_some(into, std::forward<Token>(token));
    return socket_.async_read_some(into, std::forward<Token>(token));
  }
  template <class Buffers, class Token>
  auto async_write_some(const Buffers& from, Token&& token) {
    if (tls_) return tls_->over.async_write_some(from, std::forward<Token>(token));
    return socket_.async_write_some(from, std::forward<Token>(token));
  }

 private:
  struct layer {
    layer(asio::ip::tcp::socket& socket, asio::ssl::context& context,
          std::shared_ptr<const void> settings)
        : owner(std::move(settings)), over(socket, context) {}
    std::shared_ptr<const void> owner;  // of the context
    asio::ssl::stream<asio::ip::tcp::socket&> over;
  };

  asio::ip::tcp::socket socket_;
  std::unique_ptr<layer> tls_;
};

}  // namespace peerage::http
