// A Consul store on the server that the program's tests share, each test under a prefix of its own,
// and behind a proxy.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>

#include "consul/open.h"
#include "consul/store.h"
#include "local/system_clock.h"
#include "testing/run.h"
#include "testing/samples.h"
#include "tests/contract/consul_server.h"

namespace peerage::contract {

inline std::string fresh_prefix() {
  static int number = 0;
  return "test/" + std::to_string(++number) + "/";
}

/// A store and the clock that it needs.
struct opened_store {
  std::unique_ptr<clock> time;
  std::unique_ptr<store> what;
};

inline std::shared_ptr<store> open_on(asio::io_context& loop, consul_options options) {
  auto made = std::make_shared<opened_store>();
  made->time = make_system_clock(loop.get_executor());
  auto opened = open_consul_store(loop.get_executor(), *made->time, std::move(options));
  if (!opened) throw std::runtime_error(opened.error().message);
  made->what = std::move(*opened);
  // As every process does first; it makes the epoch.
  (void)fakes::run_on(loop, made->what->identity());
  store* face = made->what.get();
  return {std::move(made), face};
}

inline consul_options options_at(std::string url, std::string prefix, std::string api = "api-1") {
  consul_options made;
  made.address = std::move(url);
  made.prefix = std::move(prefix);
  made.api_id = std::move(api);
  return made;
}

class consul_store : public testing::Test {
 protected:
  consul_server& server_ = consul_server::shared();
  std::string prefix_ = fresh_prefix();
  asio::io_context loop_;
  tcp_proxy proxy_{loop_, server_.port()};

  std::shared_ptr<store> open(const std::string& api = "api-1") {
    return open_on(loop_, options_at(server_.url(), prefix_, api));
  }
  std::shared_ptr<store> open_behind_proxy() {
    return open_on(loop_, options_at(proxy_.url(), prefix_));
  }
  result<revision> commit(store& to, transaction writes) {
    return fakes::run_on(loop_, to.commit(std::move(writes)));
  }
  result<revision> add(store& to, record value, expectation expected = absent{}) {
    transaction writes{put{std::move(value), expected}};
    return commit(to, std::move(writes));
  }
  result<revision> remove(store& to, record_key key, expectation expected = present{}) {
    transaction writes{removal{std::move(key), expected}};
    return commit(to, std::move(writes));
  }
  std::optional<stored<record>> get(store& from, record_key key) {
    return fakes::run_on(loop_, from.get(std::move(key))).value();
  }
  page list(store& from, listing what, std::string after = {}, std::size_t limit = 100) {
    page_query query{std::move(what), std::move(after), limit};
    return fakes::run_on(loop_, from.list(std::move(query))).value();
  }
  void furnish(store& in) {
    ASSERT_TRUE(add(in, fakes::sample_network("acme")));
    ASSERT_TRUE(add(in, fakes::sample_gateway("gw-1")));
  }
  static std::string blame(const result<revision>& ended) {
    if (ended) return {};
    return std::string(name_of(ended.error().code)) + " " + ended.error().field;
  }
  /// All at once, and how each of them ended.
  std::vector<result<revision>> race(std::vector<std::pair<store*, transaction>> all) {
    std::vector<result<revision>> ended(all.size(), result<revision>{revision{}});
    std::size_t left = all.size();
    for (std::size_t i = 0; i < all.size(); ++i) {
      asio::co_spawn(loop_, all[i].first->commit(std::move(all[i].second)),
                     [&, i](std::exception_ptr, result<revision> how) {
                       ended[i] = std::move(how);
                       --left;
                     });
    }
    loop_.restart();
    while (left > 0 && loop_.run_one() > 0) {}
    return ended;
  }
  std::optional<consul::entry> raw(const std::string& key) {
    const auto answer = server_.ask("GET", "/v1/kv/" + prefix_ + key, "");
    if (answer.status != 200) return {};
    return consul::read_entries(answer.body).value().at(0);
  }
  void write_raw(const std::string& key, const std::string& value, std::uint64_t flags = 0) {
    server_.ask("PUT", "/v1/kv/" + prefix_ + key, "flags=" + std::to_string(flags), value);
  }
};

}  // namespace peerage::contract
