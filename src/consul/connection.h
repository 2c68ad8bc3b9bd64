// One kept HTTP connection to a Consul agent, one request at a time. Owned by the pool in calls.h,
// used on the event loop's thread. It differs from http::client in one promise: a write is sent
// once and never again by itself, since the first one may have been done and would then refuse the
// second.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "async/task.h"
#include "base/error.h"
#include "base/time.h"
#include "consul/requester.h"
#include "consul/store.h"
#include "http/client.h"
#include "http/parse.h"
#include "http/stream.h"

namespace peerage::consul {

class connection final : public requester, public std::enable_shared_from_this<connection> {
 public:
  connection(asio::any_io_executor loop, http::base_url to,
             std::shared_ptr<const consul_access> with);
  ~connection() override;

  task<result<http::response>> ask(http::request wanted, bool writing,
                                   steady_duration limit) override;
  void close() override;

 private:
  struct watch;

  bool still_open();
  task<result<>> connect();
  task<result<>> shake_hands();
  task<result<http::response>> exchange(std::string head, std::string body, bool writing);
  error lost(bool writing) const;

  asio::any_io_executor loop_;
  http::base_url to_;
  std::shared_ptr<const consul_access> with_;
  http::stream stream_;
  asio::steady_timer timer_;
  http::response_parser parser_;
  std::vector<char> input_;
  std::uint64_t calls_ = 0;  // a deadline that fires late knows by it that it is not meant
  bool overdue_ = false;
  bool heard_ = false;  // a byte of the answer has come
};

}  // namespace peerage::consul
