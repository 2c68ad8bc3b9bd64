// Connecting by name: dead addresses, a resolver that never answers, and who is in a hurry.
#include "http/dial.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <future>
#include <memory>
#include <optional>

namespace peerage::http {
namespace {

using asio::ip::tcp;

/// An address at which nobody ever answers: the queue of who waits to be accepted is full, so that
/// the kernel drops whoever comes.
class silent_address {
 public:
  explicit silent_address(asio::io_context& loop)
      : listening_(loop, tcp::endpoint(asio::ip::make_address("127.0.0.2"), 0)) {
    ::listen(listening_.native_handle(), 0);
    for (int i = 0; i < 4; ++i) {
      filling_.emplace_back(loop);
      filling_.back().open(tcp::v4());
      filling_.back().native_non_blocking(true);
      // Asio's own would wait for an answer.
      tcp::endpoint to = listening_.local_endpoint();
      (void)::connect(filling_.back().native_handle(), to.data(),
                      static_cast<socklen_t>(to.size()));
    }
  }
  tcp::endpoint where() const { return listening_.local_endpoint(); }

 private:
  tcp::acceptor listening_;
  std::vector<tcp::socket> filling_;
};

struct dial_test : testing::Test {
  asio::io_context loop;
  tcp::acceptor good{loop, tcp::endpoint(asio::ip::address_v4::loopback(), 0)};
  std::optional<result<tcp::socket>> ended;

  static resolver always(endpoints all) {
    return [all](const std::string&, std::uint16_t) -> result<endpoints> { return all; };
  }
  static task<> dial_into(asio::any_io_executor on, steady_duration limit, resolver by,
                          std::optional<result<tcp::socket>>& into) {
    std::string host = "some.host";
    into.emplace(co_await dial(std::move(on), std::move(host), 1, limit, std::move(by)));
  }
  void start(resolver by, steady_duration limit = seconds{20}) {
    asio::co_spawn(loop, dial_into(loop.get_executor(), limit, std::move(by), ended),
                   asio::detached);
  }
  result<tcp::socket>& run() {
    loop.restart();
    while (!ended && loop.run_one_for(seconds{30}) > 0) {}
    return ended.value();
  }
};

TEST_F(dial_test, an_address_that_does_not_answer_costs_little) {
  const silent_address silent(loop);
  start(always({silent.where(), silent.where(), good.local_endpoint()}));
  const auto& how = run();
  ASSERT_TRUE(how) << how.error().message;
  EXPECT_EQ(how->remote_endpoint(), good.local_endpoint());
}

TEST_F(dial_test, one_that_refuses_is_left_at_once) {
  tcp::acceptor closed(loop, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  const auto nobody = closed.local_endpoint();
  closed.close();
  start(always({nobody, good.local_endpoint()}));
  EXPECT_TRUE(run());
  ended.reset();
  start(always({nobody, nobody}));
  const auto& how = run();
  ASSERT_FALSE(how);
  EXPECT_EQ(how.error().message, "Connection refused");
}

TEST_F(dial_test, where_nobody_answers_the_limit_holds) {
  const silent_address silent(loop);
  start(always({silent.where()}), milliseconds{100});
  const auto& how = run();
  ASSERT_FALSE(how);
  EXPECT_EQ(how.error().code, errc::unavailable);
  EXPECT_EQ(how.error().message, "no answer in time");
}

TEST_F(dial_test, the_limit_holds_while_a_name_is_looked_up_and_others_are_not_held_up) {
  auto release = std::make_shared<std::promise<void>>();
  const auto gate = std::make_shared<std::shared_future<void>>(release->get_future());
  const resolver hangs = [gate](const std::string&, std::uint16_t) -> result<endpoints> {
    gate->wait();
    return endpoints{};
  };
  start(hangs, milliseconds{100});
  EXPECT_EQ(run().error().message, "its name was not found in time");
  ended.reset();
  start(always({good.local_endpoint()}));
  EXPECT_TRUE(run()) << "while the other lookup still hangs";
  ended.reset();
  // So many may hang, and no more.
  for (int i = 0; i < 40; ++i) {
    start(hangs, milliseconds{1});
    (void)run();
    ended.reset();
  }
  start(hangs, milliseconds{1});
  EXPECT_EQ(run().error().message, "its name was not found: the resolver does not answer");
  release->set_value();
  do {
    ended.reset();
    start(always({good.local_endpoint()}));
  } while (!run());
}

TEST_F(dial_test, a_name_that_is_not_there_is_said) {
  const auto found = resolve_by_system("no-such-host.invalid", 1);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, errc::unavailable);
  EXPECT_NE(found.error().message.find("its name was not found: "), std::string::npos);
  const auto local = resolve_by_system("localhost", 80);
  ASSERT_TRUE(local);
  EXPECT_FALSE(local->empty());
}

/// The event loop may go while a lookup hangs.
TEST_F(dial_test, a_lookup_outlives_whoever_asked) {
  auto release = std::make_shared<std::promise<void>>();
  auto done = std::make_shared<std::promise<void>>();
  auto finished = done->get_future();
  {
    asio::io_context mortal;
    const resolver hangs = [release, done](const std::string&, std::uint16_t) -> result<endpoints> {
      release->get_future().wait();
      done->set_value();
      return endpoints{};
    };
    asio::co_spawn(mortal, dial_into(mortal.get_executor(), seconds{20}, hangs, ended),
                   asio::detached);
    mortal.poll();
  }
  release->set_value();
  finished.wait();
}

}  // namespace
}  // namespace peerage::http
