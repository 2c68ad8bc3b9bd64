#include "uapi/connection.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <filesystem>
#include <functional>
#include <optional>
#include <vector>

namespace peerage::uapi {
namespace {

using protocol = asio::local::stream_protocol;
using namespace std::chrono_literals;
constexpr auto as_values = asio::as_tuple(asio::use_awaitable);

enum class manner {
  answers,       // and goes on
  drip,          // answers byte by byte
  answers_once,  // then closes
  garbage,
  stops_in_the_middle,
  stops_in_the_second,  // answer
  closes_first,         // hears the request and closes
  refuses_early,        // answers an errno before the request is whole, and closes
  silent,
  hangs_up,  // hears nothing at all
};

// A small UAPI server: a manner for each connection, in order; the last one for all that follow.
struct fake_server {
  fake_server(asio::io_context& loop, const std::string& path, std::vector<manner> script)
      : acceptor(loop, protocol::endpoint(path)), manners(std::move(script)) {
    asio::co_spawn(loop, accept(), asio::detached);
  }

  task<> accept() {
    while (true) {
      protocol::socket socket(acceptor.get_executor());
      const auto [failure] = co_await acceptor.async_accept(socket, as_values);
      if (failure) co_return;
      const manner how = manners.at(std::min(connections, manners.size() - 1));
      ++connections;
      asio::co_spawn(acceptor.get_executor(), serve(std::move(socket), how), asio::detached);
    }
  }

  task<> serve(protocol::socket socket, manner how) {
    std::string request;
    const std::string_view end = how == manner::refuses_early ? "\n" : "\n\n";
    while (how != manner::hangs_up) {
      auto [failure, size] =
          co_await asio::async_read_until(socket, asio::dynamic_buffer(request), end, as_values);
      if (failure) break;
      requests.push_back(request.substr(0, size));
      request.erase(0, size);
      const bool more = co_await answer(socket, how);
      if (!more) break;
    }
    ++ended;
  }

  task<bool> answer(protocol::socket& socket, manner how) {
    std::string text = "errno=0\n\n";
    if (how == manner::closes_first) co_return false;
    if (how == manner::silent) co_return true;
    if (how == manner::garbage) text = "SSH-2.0-OpenSSH_9.2\r\n";
    const bool second = how == manner::stops_in_the_second && requests.size() == 2;
    if (how == manner::stops_in_the_middle || second) text = "errno=0\n";
    if (how == manner::refuses_early) text = "errno=-22\n\n";
    const std::size_t piece = how == manner::drip ? 1 : text.size();
    for (std::size_t at = 0; at < text.size(); at += piece)
      co_await asio::async_write(socket, asio::buffer(text.data() + at, piece), as_values);
    co_return how == manner::answers || how == manner::drip ||
        (how == manner::stops_in_the_second && !second);
  }

  protocol::acceptor acceptor;
  std::vector<manner> manners;
  std::size_t connections = 0;
  std::size_t ended = 0;
  std::vector<std::string> requests;
};

struct uapi_connection : testing::Test {
  uapi_connection() {
    std::string name = testing::TempDir() + "uapi.XXXXXX";
    folder = ::mkdtemp(name.data());
    path = folder + "/wg0.sock";
  }
  ~uapi_connection() override { std::filesystem::remove_all(folder); }

  void run_until(const std::function<bool()>& done) {
    loop.restart();
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (!done() && loop.run_one_until(deadline) != 0) {}
    ASSERT_TRUE(done());
  }

  result<> ask(connection& on, std::string_view request = probe_request,
               steady_duration limit = 10s) {
    answer_reader answer(answer_kind::acknowledgement);
    std::optional<result<>> outcome;
    asio::co_spawn(loop, on.ask(request, answer, limit),
                   [&](std::exception_ptr, result<> value) { outcome = std::move(value); });
    run_until([&] { return outcome.has_value(); });
    error_number = answer.error_number();
    return outcome.value_or(fail(errc::timeout, "the test's own deadline"));
  }

  std::string folder;
  std::string path;
  int error_number = -1;
  asio::io_context loop;
};

TEST_F(uapi_connection, is_kept_open_for_many_requests) {
  fake_server server(loop, path, {manner::answers});
  connection on(loop.get_executor(), path);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(ask(on));
  EXPECT_EQ(server.connections, 1U);
  EXPECT_EQ(server.requests, std::vector<std::string>(5, std::string(probe_request)));
}

TEST_F(uapi_connection, reads_an_answer_that_comes_byte_by_byte) {
  fake_server server(loop, path, {manner::drip});
  connection on(loop.get_executor(), path);
  EXPECT_TRUE(ask(on));
  EXPECT_TRUE(ask(on));
  EXPECT_EQ(server.connections, 1U);
}

TEST_F(uapi_connection, that_was_closed_meanwhile_is_opened_again_once) {
  fake_server server(loop, path, {manner::answers_once, manner::answers});
  connection on(loop.get_executor(), path);
  ASSERT_TRUE(ask(on));
  run_until([&] { return server.ended == 1; });
  EXPECT_TRUE(ask(on));
  EXPECT_EQ(server.connections, 2U);
}

TEST_F(uapi_connection, is_not_opened_a_third_time) {
  fake_server server(loop, path, {manner::answers_once, manner::closes_first});
  connection on(loop.get_executor(), path);
  ASSERT_TRUE(ask(on));
  run_until([&] { return server.ended == 1; });
  const auto asked = ask(on);
  ASSERT_FALSE(asked);
  EXPECT_EQ(asked.error().code, errc::unavailable);
  EXPECT_EQ(server.connections, 2U);
}

TEST_F(uapi_connection, that_ends_in_the_middle_of_an_answer_is_not_asked_again) {
  fake_server server(loop, path, {manner::stops_in_the_middle, manner::answers});
  connection on(loop.get_executor(), path);
  const auto asked = ask(on);
  ASSERT_FALSE(asked);
  EXPECT_EQ(asked.error().code, errc::unavailable) << asked.error().message;
  EXPECT_EQ(server.requests.size(), 1U);
  EXPECT_TRUE(ask(on)) << "the next one is a new connection";
}

TEST_F(uapi_connection, that_was_kept_is_not_asked_again_either_once_a_byte_came) {
  fake_server server(loop, path, {manner::stops_in_the_second, manner::answers});
  connection on(loop.get_executor(), path);
  ASSERT_TRUE(ask(on));
  const auto asked = ask(on);
  ASSERT_FALSE(asked);
  EXPECT_EQ(asked.error().code, errc::unavailable) << asked.error().message;
  EXPECT_EQ(server.requests.size(), 2U);
}

TEST_F(uapi_connection, says_that_garbage_is_corrupt_and_starts_afresh) {
  fake_server server(loop, path, {manner::garbage, manner::answers});
  connection on(loop.get_executor(), path);
  const auto asked = ask(on);
  ASSERT_FALSE(asked);
  EXPECT_EQ(asked.error().code, errc::corrupt) << asked.error().message;
  EXPECT_FALSE(on.is_open());
  EXPECT_TRUE(ask(on));
}

TEST_F(uapi_connection, gives_up_at_the_deadline_and_starts_afresh) {
  fake_server server(loop, path, {manner::silent, manner::answers});
  connection on(loop.get_executor(), path);
  const auto asked = ask(on, probe_request, 20ms);
  ASSERT_FALSE(asked);
  EXPECT_EQ(asked.error().code, errc::timeout) << asked.error().message;
  EXPECT_FALSE(on.is_open());
  EXPECT_TRUE(ask(on));
}

TEST_F(uapi_connection, hears_a_refusal_that_comes_before_all_is_sent) {
  fake_server server(loop, path, {manner::refuses_early, manner::answers});
  connection on(loop.get_executor(), path);
  // More than the sockets between the two hold, so that the writing fails.
  std::string request = "set=1\n";
  while (request.size() < 4 * max_request) request += "fwmark=0\n";
  EXPECT_TRUE(ask(on, request + "\n"));
  EXPECT_EQ(error_number, 22);
  EXPECT_FALSE(on.is_open()) << "the rest of the request is still in it";
  EXPECT_TRUE(ask(on));
  EXPECT_EQ(error_number, 0);
}

TEST_F(uapi_connection, says_when_nobody_listens) {
  connection on(loop.get_executor(), path);
  const auto missing = ask(on);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, errc::unavailable) << missing.error().message;
  { const protocol::acceptor dead(loop, protocol::endpoint(path)); }
  const auto stale = ask(on);
  ASSERT_FALSE(stale);
  EXPECT_EQ(stale.error().code, errc::unavailable) << stale.error().message;
}

TEST_F(uapi_connection, refuses_a_path_that_no_socket_can_have) {
  connection on(loop.get_executor(), folder + "/" + std::string(120, 'x'));
  const auto asked = ask(on);
  ASSERT_FALSE(asked);
  EXPECT_EQ(asked.error().code, errc::invalid);
}

TEST_F(uapi_connection, talks_to_the_process_that_it_is_bound_to_alone) {
  fake_server server(loop, path, {manner::answers});
  connection on(loop.get_executor(), path);
  on.bind_to(getpid());
  EXPECT_TRUE(ask(on));
  on.close();
  on.bind_to(getpid() + 1);
  const auto asked = ask(on);
  ASSERT_FALSE(asked);
  EXPECT_EQ(asked.error().code, errc::unavailable) << asked.error().message;
}

TEST_F(uapi_connection, is_closed_by_cancelling_what_it_was_asked) {
  fake_server server(loop, path, {manner::silent, manner::answers});
  connection on(loop.get_executor(), path);
  answer_reader answer(answer_kind::acknowledgement);
  asio::cancellation_signal stop;
  std::exception_ptr thrown;
  asio::co_spawn(loop, on.ask(probe_request, answer, 10s),
                 asio::bind_cancellation_slot(
                     stop.slot(), [&](std::exception_ptr why, result<>) { thrown = why; }));
  run_until([&] { return server.requests.size() == 1; });
  stop.emit(asio::cancellation_type::terminal);
  run_until([&] { return thrown != nullptr; });
  EXPECT_FALSE(on.is_open());
  EXPECT_TRUE(ask(on));
}

TEST_F(uapi_connection, leaves_no_timer_behind) {
  fake_server server(loop, path, {manner::answers});
  connection on(loop.get_executor(), path);
  ASSERT_TRUE(ask(on, probe_request, 1h));
  on.close();
  server.acceptor.close();
  loop.restart();
  loop.run_for(10s);
  EXPECT_TRUE(loop.stopped()) << "nothing is waited for";
}

TEST_F(uapi_connection, two_requests_at_once_are_a_bug) {
  fake_server server(loop, path, {manner::silent});
  connection on(loop.get_executor(), path);
  answer_reader first(answer_kind::acknowledgement);
  answer_reader second(answer_kind::acknowledgement);
  bool threw = false;
  asio::co_spawn(loop, on.ask(probe_request, first, 10s), asio::detached);
  asio::co_spawn(loop, on.ask(probe_request, second, 10s),
                 [&](std::exception_ptr why, result<>) { threw = why != nullptr; });
  run_until([&] { return threw; });
}

TEST_F(uapi_connection, sees_the_other_side_hang_up) {
  fake_server server(loop, path, {manner::hangs_up});
  connection on(loop.get_executor(), path);
  bool opened = false;
  bool gone = false;
  asio::co_spawn(loop, on.open(), [&](std::exception_ptr, result<pid_t>) { opened = true; });
  run_until([&] { return opened; });
  asio::co_spawn(loop, on.closed(), [&](std::exception_ptr why) { gone = why == nullptr; });
  run_until([&] { return gone; });
}

TEST_F(uapi_connection, waits_for_the_other_side_no_longer_when_it_is_closed_here) {
  fake_server server(loop, path, {manner::answers});
  connection on(loop.get_executor(), path);
  ASSERT_TRUE(ask(on));
  bool gone = false;
  asio::co_spawn(loop, on.closed(), [&](std::exception_ptr why) { gone = why == nullptr; });
  loop.poll();
  EXPECT_FALSE(gone);
  on.close();
  run_until([&] { return gone; });
}

}  // namespace
}  // namespace peerage::uapi
