// The bus on a real nats-server: the promises of ports/bus.h, and what only a network can break.
#include "natsbus/bus.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cstdio>
#include <fstream>
#include <future>
#include <sstream>

#include "crypto/x25519.h"
#include "json/json.h"
#include "natsbus/guard.h"
#include "testing/fake_roster.h"
#include "tests/contract/bus_contract.h"
#include "tests/contract/nats_server.h"
#include "wire/messages.h"

namespace peerage::contract {
namespace {

using namespace std::chrono_literals;
using peerage::fakes::run_on;
using peerage::fakes::sample_key;

nats_options options_for(const nats_server& server) {
  nats_options made;
  made.servers = {server.url()};
  made.name = "test";
  made.region = "fra";
  return made;
}

std::unique_ptr<nats_bus> connected_bus(asio::io_context& loop, clock& time,
                                        const nats_server& server, roster& who,
                                        const std::string& api) {
  auto made =
      make_nats_bus(loop.get_executor(), time, who, {make_private_key(), api}, options_for(server));
  if (!run_until(loop, [&] { return made->connected(); })) {
    throw std::runtime_error("the bus does not connect to nats-server");
  }
  return made;
}

task<> stop_nats(bus& which) {
  co_await static_cast<nats_bus&>(which).stop();
}

INSTANTIATE_TEST_SUITE_P(nats, bus_contract,
                         testing::Values(bus_kind{
                             "nats",
                             [](asio::io_context& loop, clock& time) {
                               static nats_server server;
                               static std::unique_ptr<fakes::fake_roster> who;
                               who = std::make_unique<fakes::fake_roster>(loop.get_executor());
                               return connected_bus(loop, time, server, *who, "api-1");
                             },
                             stop_nats}));

/// The protocol of NATS by hand, on the test's loop.
class hand {
 public:
  hand(asio::io_context& loop, unsigned port) : loop_(loop), socket_(loop) {
    socket_.connect({asio::ip::make_address("127.0.0.1"), static_cast<std::uint16_t>(port)});
    send(
        "CONNECT {\"verbose\":false,\"headers\":true,\"no_responders\":true}\r\nSUB by.hand 1\r\n");
  }

  /// The answer's payload; fails the test where there is none.
  std::string ask(const std::string& subject, std::string_view payload) {
    send("PUB " + subject + " by.hand " + std::to_string(payload.size()) + "\r\n" +
         std::string(payload) + "\r\n");
    return run_on(loop_, answer());
  }
  /// The same, sealed.
  std::string ask(const std::string& subject, std::string_view payload, const std::string& seal) {
    const std::string head = "NATS/1.0\r\nPeerage-Seal: " + seal + "\r\n\r\n";
    send("HPUB " + subject + " by.hand " + std::to_string(head.size()) + " " +
         std::to_string(head.size() + payload.size()) + "\r\n" + head + std::string(payload) +
         "\r\n");
    return run_on(loop_, answer());
  }
  /// Subscribes, and the server has it.
  void hear(const std::string& subject) {
    send("SUB " + subject + " 2\r\n");
    ask("by.hand", "");
  }
  /// Whether anything has come that was not read.
  bool heard() { return socket_.available() > 0; }
  void tell(const std::string& subject, const std::string& payload) {
    send("PUB " + subject + " " + std::to_string(payload.size()) + "\r\n" + payload + "\r\n");
  }

 private:
  void send(const std::string& text) { run_on(loop_, send_all(text)); }
  task<> send_all(std::string text) {
    co_await asio::async_write(socket_, asio::buffer(text), asio::use_awaitable);
  }
  task<std::string> answer() {
    for (;;) {
      const auto size = co_await asio::async_read_until(socket_, asio::dynamic_buffer(in_), "\r\n",
                                                        asio::use_awaitable);
      const std::string line = in_.substr(0, size - 2);
      in_.erase(0, size);
      if (!line.starts_with("MSG ") && !line.starts_with("HMSG ")) continue;
      const auto length = std::stoul(line.substr(line.rfind(' ') + 1));
      if (in_.size() < length + 2) {
        co_await asio::async_read(socket_, asio::dynamic_buffer(in_),
                                  asio::transfer_exactly(length + 2 - in_.size()),
                                  asio::use_awaitable);
      }
      // Of a message with headers the last but one number is their length.
      const bool headed = line.starts_with("H");
      const auto before = line.rfind(' ', line.rfind(' ') - 1);
      const auto head = headed ? std::stoul(line.substr(before + 1)) : 0;
      std::string payload = in_.substr(head, length - head);
      in_.erase(0, length + 2);
      co_return payload;
    }
  }

  asio::io_context& loop_;
  asio::ip::tcp::socket socket_;
  std::string in_;
};

class nats_bus_test : public testing::Test {
 protected:
  void SetUp() override {
    roster_.known.push_back({party_kind::api, "by-hand", signer_.keys().open_key()});
    roster_.tell();
  }
  void TearDown() override {
    service_.slow = false;
    service_.go_on.notify();
    for (nats_bus* each : {gateway_.get(), api_.get()}) run_on(loop_, each->stop());
  }

  result<apply_reply> ask(milliseconds wait = 5s) {
    auto request = sample_request();
    return run_on(loop_, api_->apply(name_, std::move(request), clock_->steady() + wait));
  }
  /// Serves name_, and returns when requests arrive there.
  bool serve() {
    const bool served = gateway_->serve(name_, service_) && asked_in_the_end();
    service_.seen.clear();
    return served;
  }
  /// True once the gateway has answered: its subscriptions go to the server beside our requests, so
  /// the first of these may come before them.
  bool asked_in_the_end(std::optional<steady_time> until = {}) {
    const auto deadline = until.value_or(clock_->steady() + 5s);
    while (!ask()) {
      if (clock_->steady() > deadline) return false;
    }
    return clock_->steady() <= deadline;
  }
  /// Starts so many requests, "0" and up; what comes back is in replies_.
  void ask_many(std::size_t count, steady_duration wait = 20s) {
    replies_.clear();
    for (std::size_t i = 0; i < count; ++i) {
      asio::co_spawn(loop_, ask_one(std::to_string(i), wait), [](std::exception_ptr thrown) {
        if (thrown) std::rethrow_exception(thrown);
      });
    }
  }
  task<> ask_one(std::string id, steady_duration wait) {
    auto request = sample_request(id);
    auto reply = co_await api_->apply(name_, std::move(request), clock_->steady() + wait);
    replies_.emplace_back(std::move(id), std::move(reply));
  }

  /// As an API process that the gateway knows says it.
  std::string sealed_ask(hand& by, const std::string& action, std::string_view payload) {
    return by.ask("peerage.v1.gateway.gw-1." + action, payload, seal(action, payload));
  }
  std::string seal(const std::string& action, std::string_view payload) {
    signer_.keys().know(party_kind::gateway, roster_.known);
    return signer_.ask(name_, "peerage.v1.gateway.gw-1." + action, payload).value().seal;
  }

  nats_server server_;
  asio::io_context loop_;
  std::unique_ptr<clock> clock_ = make_system_clock(loop_.get_executor());
  nats::guard signer_{make_private_key(), "by-hand", *clock_};
  fakes::fake_roster roster_{loop_.get_executor()};
  gateway_name name_ = *gateway_name::parse("gw-1");
  echo service_{loop_};
  std::vector<std::pair<std::string, result<apply_reply>>> replies_;
  // Two processes, as far as NATS can tell.
  std::unique_ptr<nats_bus> gateway_ =
      connected_bus(loop_, *clock_, server_, roster_, "api-of-gateway");
  std::unique_ptr<nats_bus> api_ = connected_bus(loop_, *clock_, server_, roster_, "api-1");
};

TEST_F(nats_bus_test, two_processes_find_each_other_over_the_server) {
  ASSERT_TRUE(serve());
  int heard_by_api = 0;
  int heard_by_gateway = 0;
  api_->listen([&](const heartbeat& beat) { heard_by_api += beat.peers == 7; });
  gateway_->listen([&](const heartbeat& beat) { heard_by_gateway += beat.peers == 7; });
  ASSERT_TRUE(ask()) << "so the server has the subscription";
  gateway_->publish({name_, *region_name::parse("fra"), 7, revision{3}});
  EXPECT_TRUE(run_until(loop_, [&] { return heard_by_api == 1 && heard_by_gateway == 1; }));
}

TEST_F(nats_bus_test, works_again_within_2_s_when_the_server_is_back) {
  ASSERT_TRUE(serve());
  int heard = 0;
  api_->listen([&](const heartbeat&) { ++heard; });
  ASSERT_TRUE(ask());
  server_.stop();
  ASSERT_TRUE(run_until(loop_, [&] { return !api_->connected() && !gateway_->connected(); }, 1s));
  const auto begun = clock_->steady();
  const auto meanwhile = ask();
  ASSERT_FALSE(meanwhile);
  EXPECT_EQ(meanwhile.error().code, errc::unavailable);
  EXPECT_LT(clock_->steady() - begun, 50ms) << "at once";
  run_on(loop_, clock_->wait_until(clock_->steady() + 1500ms));  // into the long pauses
  server_.start();
  const auto back = clock_->steady();
  EXPECT_TRUE(run_until(loop_, [&] { return api_->connected() && gateway_->connected(); }, 2s));
  EXPECT_TRUE(asked_in_the_end(back + 2s));
  gateway_->publish({name_, *region_name::parse("fra"), 7, revision{3}});
  EXPECT_TRUE(run_until(loop_, [&] { return heard == 1; })) << "and what was listened to";
}

TEST_F(nats_bus_test, a_request_under_way_ends_in_doubt_when_the_server_goes) {
  ASSERT_TRUE(serve());
  service_.slow = true;
  ask_many(1);
  ASSERT_TRUE(run_until(loop_, [&] { return service_.seen.size() == 1; }));
  server_.stop();
  ASSERT_TRUE(run_until(loop_, [&] { return replies_.size() == 1; }, 2s));
  EXPECT_EQ(replies_[0].second.error().code, errc::timeout);
}

TEST_F(nats_bus_test, a_server_that_falls_silent_is_away) {
  server_.freeze();
  EXPECT_TRUE(run_until(loop_, [&] { return !api_->connected(); }, 8s));
  EXPECT_EQ(ask().error().code, errc::unavailable);
}

TEST_F(nats_bus_test, requests_under_way_are_bounded) {
  hand silent(loop_, server_.port());
  silent.hear("peerage.v1.gateway.gw-1.apply");
  roster_.known.push_back({party_kind::gateway, "gw-1", sample_key(1)});
  roster_.tell();
  ask_many(10'000);
  ASSERT_TRUE(run_until(loop_, [&] { return silent.heard(); }));
  EXPECT_TRUE(replies_.empty());
  const auto beyond = ask();
  ASSERT_FALSE(beyond);
  EXPECT_EQ(beyond.error().code, errc::unavailable);
  EXPECT_NE(beyond.error().message.find("10000"), std::string::npos) << beyond.error().message;
}

TEST_F(nats_bus_test, starts_with_nats_away) {
  server_.stop();
  auto early = make_nats_bus(loop_.get_executor(), *clock_, roster_,
                             {make_private_key(), "api-early"}, options_for(server_));
  EXPECT_FALSE(early->connected());
  auto request = sample_request();
  const auto reply = run_on(loop_, early->apply(name_, std::move(request), clock_->steady() + 5s));
  EXPECT_EQ(reply.error().code, errc::unavailable);
  ASSERT_TRUE(early->serve(name_, service_));
  server_.start();
  EXPECT_TRUE(run_until(loop_, [&] { return early->connected() && api_->connected(); }, 3s));
  EXPECT_TRUE(asked_in_the_end()) << "what was served before is served now";
  run_on(loop_, early->stop());
}

TEST_F(nats_bus_test, a_thousand_requests_overlap_and_each_gets_its_own_answer) {
  ASSERT_TRUE(serve());
  service_.slow = true;
  ask_many(1'000);
  ASSERT_TRUE(run_until(loop_, [&] { return service_.seen.size() == 1'000; }, 20s));
  EXPECT_TRUE(replies_.empty());
  auto beyond = ask();
  ASSERT_FALSE(beyond);
  EXPECT_NE(beyond.error().message.find("1000 requests are under way"), std::string::npos)
      << beyond.error().message;
  service_.slow = false;
  ASSERT_TRUE(run_until(
      loop_,
      [&] {
        service_.go_on.notify();
        return replies_.size() == 1'000;
      },
      20s));
  for (const auto& [id, reply] : replies_) {
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_EQ(reply->request_id, id);
  }
}

TEST_F(nats_bus_test, a_late_answer_is_nobodys) {
  ASSERT_TRUE(serve());
  service_.slow = true;
  ask_many(1, 20ms);
  ASSERT_TRUE(run_until(loop_, [&] { return replies_.size() == 1; }));
  EXPECT_EQ(replies_[0].second.error().code, errc::timeout);
  service_.slow = false;
  service_.go_on.notify();  // now it answers "0"
  const auto next = ask();
  ASSERT_TRUE(next);
  EXPECT_EQ(next->request_id, "r1");
}

TEST_F(nats_bus_test, a_status_of_1000_keys_fits) {
  ASSERT_TRUE(serve());
  status_request request;
  for (unsigned i = 0; i < 1'000; ++i) {
    request.public_keys.push_back(sample_key(static_cast<std::uint8_t>(i % 200 + 1)));
  }
  const auto reply = run_on(loop_, api_->status(name_, std::move(request), clock_->steady() + 5s));
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->reports.size(), 1'000U);
}

TEST_F(nats_bus_test, what_is_too_large_to_send_is_refused_here) {
  ASSERT_TRUE(serve());
  auto request = sample_request(std::string(1'100'000, 'x'));
  const auto reply = run_on(loop_, api_->apply(name_, std::move(request), clock_->steady() + 5s));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, errc::invalid);
  EXPECT_TRUE(ask()) << "and the bus goes on";
}

TEST_F(nats_bus_test, garbage_is_answered_with_an_error_and_changes_nothing) {
  ASSERT_TRUE(serve());
  hand by_hand(loop_, server_.port());
  const std::string good = wire::write(sample_request());
  const std::vector<std::string> garbage = {
      "",
      "garbage",
      std::string("\0\xff\xfe", 3),
      "{}",
      "[]",
      "null",
      good.substr(0, good.size() - 1),
      R"({"request_id": 1, "epoch": "e", "revision": 1, "changes": []})",
      R"({"request_id": "a", "epoch": "e", "revision": -1, "changes": []})",
      R"({"request_id": "a", "epoch": "e", "revision": 1, "changes": [1]})",
      R"({"request_id": "a", "epoch": "e", "revision": 1, "changes": [{"op": "eat"}]})",
      std::string(100'000, '['),
      std::string(2'000'000, ' ') + good,
  };
  for (const std::string& each : garbage) {
    const std::string reply = sealed_ask(by_hand, "apply", each);
    EXPECT_TRUE(reply.starts_with("{\"error\":")) << each.substr(0, 80) << " → " << reply;
  }
  EXPECT_TRUE(by_hand.ask("peerage.v1.gateway.gw-1.status", R"({"public_keys": 7})")
                  .starts_with("{\"error\":"));
  EXPECT_TRUE(service_.seen.empty());
  EXPECT_TRUE(sealed_ask(by_hand, "apply", good).starts_with("{\"request_id\""));
  EXPECT_TRUE(ask());
}

TEST_F(nats_bus_test, a_heartbeat_that_is_none_is_passed_over) {
  std::vector<heartbeat> heard;
  api_->listen([&](const heartbeat& beat) { heard.push_back(beat); });
  ASSERT_TRUE(serve());
  ASSERT_TRUE(ask());
  hand by_hand(loop_, server_.port());
  const heartbeat beat{name_, *region_name::parse("fra"), 7, revision{3}};
  const std::string good = wire::write(beat);
  by_hand.tell("peerage.v1.gateway.gw-1.heartbeat", "garbage");
  by_hand.tell("peerage.v1.gateway.gw-1.heartbeat", "{}");
  by_hand.tell("peerage.v1.gateway.gw-2.heartbeat", good);  // another's name
  by_hand.tell("peerage.v1.gateway.gw-1.heartbeat", good);  // which nobody vouches for
  gateway_->publish(beat);
  ASSERT_TRUE(run_until(loop_, [&] { return !heard.empty(); }));
  EXPECT_EQ(heard.size(), 1U);
  EXPECT_EQ(heard[0].peers, 7U);
}

TEST_F(nats_bus_test, answers_as_a_nats_service) {
  ASSERT_TRUE(serve());
  hand by_hand(loop_, server_.port());
  by_hand.ask("peerage.v1.gateway.gw-1.apply", "garbage");
  const auto ping = json::parse(by_hand.ask("$SRV.PING", ""))->as_object();
  EXPECT_EQ(ping.at("type"), "io.nats.micro.v1.ping_response");
  EXPECT_EQ(ping.at("name"), "peerage-gateway");
  EXPECT_EQ(ping.at("metadata").at("gateway"), "gw-1");
  EXPECT_EQ(ping.at("metadata").at("region"), "fra");
  const std::string id(ping.at("id").as_string());
  for (const std::string& tail :
       {std::string(), std::string(".peerage-gateway"), ".peerage-gateway." + id}) {
    const auto same = json::parse(by_hand.ask("$SRV.PING" + tail, ""))->as_object();
    EXPECT_EQ(same.at("id").as_string(), id) << tail;
    const auto info = json::parse(by_hand.ask("$SRV.INFO" + tail, ""))->as_object();
    EXPECT_EQ(info.at("endpoints").at(0).at("subject"), "peerage.v1.gateway.gw-1.apply") << tail;
    const auto stats = json::parse(by_hand.ask("$SRV.STATS" + tail, ""))->as_object();
    EXPECT_EQ(stats.at("endpoints").at(0).at("num_requests"), 2) << tail;
    EXPECT_EQ(stats.at("endpoints").at(0).at("num_errors"), 1) << tail;
    EXPECT_GT(stats.at("endpoints").at(0).at("processing_time").as_int64(), 0) << tail;
  }
}

/// The first block of `kind` in the document.
std::string block_of(const std::string& kind) {
  std::ifstream in(PEERAGE_SOURCE_DIR "/docs/protocol/nats.md");
  std::stringstream all;
  all << in.rdbuf();
  const std::string text = all.str();
  const std::string begin = "```" + kind + "\n";
  const auto from = text.find(begin);
  if (from == std::string::npos) throw std::runtime_error("the document has no " + kind);
  return text.substr(from + begin.size(), text.find("```", from + 3) - from - begin.size());
}

TEST_F(nats_bus_test, the_example_of_the_document_works_by_hand) {
  name_ = *gateway_name::parse("gw-fra-1");
  ASSERT_TRUE(serve());
  std::string script = block_of("bash");
  const auto port = script.find("4222");
  ASSERT_NE(port, std::string::npos);
  script.replace(port, 4, std::to_string(server_.port()));
  bool done = false;
  std::string said;
  // The script blocks, so it has a thread; the gateway answers on the loop.
  const auto running = std::async(std::launch::async, [&, script] {
    std::string out;
    std::array<char, 4096> piece{};
    FILE* shell = ::popen(("timeout 10 bash -c '" +
                           [&] {
                             std::string quoted;
                             for (char c : script)
                               quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
                             return quoted;
                           }() +
                           "'")
                              .c_str(),
                          "r");
    while (std::fgets(piece.data(), static_cast<int>(piece.size()), shell) != nullptr) {
      out += piece.data();
    }
    ::pclose(shell);
    asio::post(loop_, [&, out] {
      said = out;
      done = true;
    });
  });
  ASSERT_TRUE(run_until(loop_, [&] { return done; }, 15s));
  const auto reply = wire::read_status_reply(said);
  ASSERT_TRUE(reply) << said;
  ASSERT_EQ(reply->reports.size(), 1U);
  EXPECT_EQ(reply->reports[0].public_key.text(), "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=");
}

}  // namespace
}  // namespace peerage::contract
