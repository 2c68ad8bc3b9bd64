// A whole Peerage in one process, without sockets: the real api, control and two agents over a
// store, a bus, devices and a clock that do as they are told. Every answer that a test gets from it
// is held against openapi.json. For tests alone.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "control/control.h"
#include "http/message.h"
#include "json/json.h"
#include "model/audit.h"

namespace peerage::fakes {
class fake_bus;
class fake_clock;
class fake_store;
class fake_gateway;
}  // namespace peerage::fakes

namespace peerage {

struct api_answer {
  int status = 0;
  http::response raw;
  json::value body;  // null where there is none

  /// "gateway.name", "items.0.state": the text, or the JSON of what is no text; "" for nothing.
  std::string at(std::string_view path) const;
  std::size_t items() const { return body.at("items").as_array().size(); }
};

class api_fixture : public testing::Test {
 protected:
  explicit api_fixture(control_options options = {});
  ~api_fixture() override;

  /// As admin.
  api_answer ask(std::string_view method, std::string_view target, std::string body = {});
  /// With `secret` as the token; none where it is empty.
  api_answer ask_as(std::string_view secret, std::string_view method, std::string_view target,
                    std::string body = {});
  /// Any request. Time goes on while nobody answers, in steps of 10 ms.
  api_answer send(http::request request);

  /// Time goes on, in steps of 50 ms, and everybody does what is due.
  void pass(milliseconds time);

  /// `more` are further members: R"("ttl_s": 60)".
  api_answer make_network(std::string_view name, std::string_view more = {});
  api_answer enrol(std::string_view name, std::uint32_t key, std::string_view more = {});
  /// A token's secret.
  std::string make_token(std::string_view scopes, std::string_view more = {});

  /// Everything that the store has, in an order; the same texts mean the same records.
  std::vector<std::string> stored();
  /// The peer as the store has it.
  peer stored_peer(std::string_view network, std::string_view name);

  fakes::fake_store& store();
  fakes::fake_bus& bus();
  fakes::fake_clock& time();
  fakes::fake_gateway& fra();  // gw-fra-1
  fakes::fake_gateway& iad();  // gw-iad-1
  control& mind();
  asio::io_context& loop();
  const std::vector<audit_entry>& audit() const;
  const std::string& admin() const;  // the secret of an admin token

 private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

/// {"name": …, "public_key": …, more}; without a name where it is empty.
std::string peer_body(std::string_view name, std::uint32_t key, std::string_view more = {});

/// With the networks acme and other, for tests of what a token may do there.
struct two_networks : api_fixture {
  two_networks() {
    make_network("acme", R"("ipv6": "fd00:1::/48")");
    make_network("other", R"("ipv6": "fd00:2::/48")");
  }
  std::uint32_t next_key() { return ++keys_; }
  std::string fresh(const char* kind) { return kind + std::to_string(++names_); }
  /// The name of a peer that the token with that secret made.
  std::string peer_of(const std::string& network, const std::string& secret) {
    const std::string name = fresh("p");
    const auto made =
        ask_as(secret, "POST", "/v1/networks/" + network + "/peers", peer_body(name, next_key()));
    EXPECT_EQ(made.status, 201) << made.raw.body;
    return name;
  }

 private:
  std::uint32_t keys_ = 0;
  int names_ = 0;
};

}  // namespace peerage
