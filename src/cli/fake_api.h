// For tests of this room: an API on a port of its own that answers with canned documents and keeps
// a notebook of what was asked. Owned by a test; runs on a thread of its own until it is destroyed.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "http/server.h"

namespace peerage::cli {

class fake_api {
 public:
  fake_api() {
    server_ = http::server::listen(
                  loop_.get_executor(), "127.0.0.1:0", {},
                  [this](http::request asked) { return answer(std::move(asked)); },
                  [](int status, const std::string& detail) { return problem(status, detail); })
                  .value();
    thread_ = std::thread([this] { loop_.run(); });
  }

  ~fake_api() {
    asio::co_spawn(loop_, server_->stop(seconds{1}), asio::detached);
    thread_.join();
  }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(server_->port()); }

  /// `call` is "GET /v1/networks?a=b". The last answer to a call stands for ever.
  void on(const std::string& call, int status, std::string body, http::header_list headers = {}) {
    const std::scoped_lock held(lock_);
    http::response canned{status, std::move(headers), std::move(body)};
    answers_[call].push_back(std::move(canned));
  }

  std::vector<http::request> asked() const {
    const std::scoped_lock held(lock_);
    return asked_;
  }

  /// "GET /v1/networks" and so on, in order.
  std::vector<std::string> calls() const {
    std::vector<std::string> calls;
    for (const http::request& each : asked()) calls.push_back(call_of(each));
    return calls;
  }

  static http::response problem(int status, const std::string& detail) {
    return {status,
            {{"Content-Type", "application/problem+json"}},
            R"({"type":"about:blank","title":"T","status":)" + std::to_string(status) +
                R"(,"detail":")" + detail + "\"}"};
  }

 private:
  static std::string call_of(const http::request& asked) {
    return asked.method + " " + asked.path + (asked.query.empty() ? "" : "?" + asked.query);
  }

  task<http::response> answer(http::request asked) {
    const std::scoped_lock held(lock_);
    const std::string call = call_of(asked);
    asked_.push_back(std::move(asked));
    auto& canned = answers_[call];
    if (canned.empty()) co_return problem(404, "there is no canned answer to " + call);
    http::response next = canned.front();
    if (canned.size() > 1) canned.pop_front();
    co_return next;
  }

  mutable std::mutex lock_;
  std::map<std::string, std::deque<http::response>> answers_;
  std::vector<http::request> asked_;
  asio::io_context loop_{1};
  std::unique_ptr<http::server> server_;
  std::thread thread_;
};

}  // namespace peerage::cli
