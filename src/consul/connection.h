// One kept HTTP connection to a Consul agent, one request at a time. Owned by the pool in calls.h,
// used on the loop's thread. It differs from http::client in one promise: a write is sent once and
// never again by itself, since the first one may have been done and would then refuse the second.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "async/task.h"
#include "base/error.h"
#include "base/time.h"
#include "http/client.h"
#include "http/parse.h"
#include "http/stream.h"

namespace peerage::consul {

class connection : public std::enable_shared_from_this<connection> {
 public:
  connection(asio::any_io_executor loop, http::base_url to, std::shared_ptr<http::client_tls> tls);
  ~connection();

  /// The answer, whatever its status. errc::unavailable: not sent, or a read whose answer was lost;
  /// errc::outcome_unknown: a write that was sent and whose answer was lost or late;
  /// errc::corrupt. `limit`, from now, ends it. After an error, or cancelled, it is closed, and the
  /// next call connects anew.
  task<result<http::response>> ask(http::request wanted, bool writing, steady_duration limit);

  void close();

 private:
  struct watch;

  bool still_open();
  task<result<>> connect();
  task<result<>> shake_hands();
  task<result<http::response>> exchange(std::string head, std::string body, bool writing);
  error lost(bool writing) const;

  asio::any_io_executor loop_;
  http::base_url to_;
  std::shared_ptr<http::client_tls> tls_;  // none for plain HTTP
  http::stream stream_;
  asio::ip::tcp::resolver resolver_;
  asio::steady_timer timer_;
  http::response_parser parser_;
  std::vector<char> input_;
  std::uint64_t calls_ = 0;  // a deadline that fires late knows by it that it is not meant
  bool overdue_ = false;
  bool heard_ = false;  // a byte of the answer has come
};

}  // namespace peerage::consul
