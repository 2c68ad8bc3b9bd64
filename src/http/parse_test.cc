#include "http/parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <tuple>

#include "http/encode.h"

namespace peerage::http {
namespace {

using testing::HasSubstr;

struct outcome {
  int status = 0;  // 0: taken as a whole request
  std::string body;
  std::string left;  // what came after it
  bool whole = false;
};

/// Feeds `bytes` as a network would, so many at a time.
outcome parse(std::string_view bytes, std::size_t at_a_time, parse_limits bounds = {}) {
  request_parser parser(bounds);
  std::string pending;
  outcome seen;
  while (!seen.whole) {
    pending.append(bytes.substr(0, at_a_time));
    const bool last = bytes.empty();
    bytes.remove_prefix(std::min(at_a_time, bytes.size()));
    for (auto step = progress::header; step == progress::header;) {
      std::size_t used = 0;
      const auto fed = parser.feed(pending, used);
      if (!fed) return {fed.error().status, fed.error().detail, {}, false};
      pending.erase(0, used);
      step = *fed;
      seen.whole = step == progress::whole;
    }
    if (last) break;
  }
  if (seen.whole) seen.body = parser.take().body;
  seen.left = pending + std::string(bytes);
  return seen;
}

/// One head that is refused, with the status.
struct refused_row {
  const char* bytes;
  int status;
};

TEST(request_parser, refuses_what_can_be_read_in_two_ways) {
  const refused_row table[] = {
      {"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc", 400},
      {"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400},
      {"Transfer-Encoding: identity\r\nContent-Length: 3\r\n\r\nabc", 400},
      {"Transfer-Encoding: gzip\r\n\r\nabc", 501},
      {"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
      {"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 501},
      {"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501},
      {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400},
      {"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\na", 400},
      {"Transfer-Encoding: chunked\r\n\r\n-1\r\nabcde", 400},
      {"Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n", 400},
      {"Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n", 400},
      {"Transfer-Encoding: chunked\r\n\r\n3\nabc\n0\n\n", 0},
      {"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400},
      {"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400},
      {"Content-Length: 3, 3\r\n\r\nabc", 400},
      {"Content-Length: +3\r\n\r\nabc", 400},
      {"Content-Length: -3\r\n\r\nabc", 400},
      {"Content-Length: 0x3\r\n\r\nabc", 400},
      {"Content-Length: 3 4\r\n\r\nabc", 400},
      {"Content-Length:\r\n\r\nabc", 400},
      {"Content-Length: 99999999999999999999\r\n\r\nabc", 400},
      {"Host: other\r\n\r\n", 400},
      {"X Y: z\r\n\r\n", 400},
      {"X\r\n\r\n", 400},
      {"X: a\rb\r\n\r\n", 400},
      {"Expect: miracles\r\n\r\n", 417},
  };
  for (const auto& row : table) {
    const auto bytes = "POST / HTTP/1.1\r\nHost: x\r\n" + std::string(row.bytes);
    for (const std::size_t at_a_time : {1UL, 7UL, 10'000UL}) {
      const auto seen = parse(bytes, at_a_time);
      EXPECT_FALSE(seen.whole) << row.bytes;
      EXPECT_EQ(seen.status, row.status) << row.bytes << " " << at_a_time << " " << seen.body;
    }
  }
}

TEST(request_parser, refuses_bad_request_lines) {
  const refused_row table[] = {
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"GET /\r\nHost: x\r\n\r\n", 400},
      {"GET /a b HTTP/1.0\r\nHost: x\r\n\r\n", 400},
      {"GET / HTTP/x.0\r\nHost: x\r\n\r\n", 400},
      {"GET / HTTP/-.0\r\nHost: x\r\n\r\n", 400},
      {"GET / HTTP/2x0\r\nHost: x\r\n\r\n", 400},
      {"GET / HTTP/2.x\r\nHost: x\r\n\r\n", 400},
      {"GET / HTTP/3.-\r\nHost: x\r\n\r\n", 400},
      {"GET / HTTQ/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET * HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"CONNECT a:1 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET /#a HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"\x16\x03\x01\x02\x01\x01 TLS here", 400},
      {"\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"POST / HTTP/1.0\r\n\r\nabc", 411},
      {"PUT / HTTP/1.0\r\n\r\nabc", 411},
      {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
  };
  for (const auto& row : table) {
    for (const std::size_t at_a_time : {1UL, 10'000UL}) {
      const auto seen = parse(row.bytes, at_a_time);
      EXPECT_EQ(seen.status, row.status) << row.bytes << " " << at_a_time << " " << seen.body;
    }
  }
}

TEST(request_parser, an_old_request_needs_a_length_where_it_has_a_body) {
  EXPECT_EQ(parse("POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\nok", 10'000).body, "ok");
  EXPECT_TRUE(parse("GET / HTTP/1.0\r\n\r\n", 10'000).whole);
}

TEST(request_parser, nobody_waits_to_send_nothing) {
  for (const bool body : {true, false}) {
    request_parser parser({});
    std::size_t used = 0;
    const std::string bytes =
        "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: " +
        std::string(body ? "2" : "0") + "\r\n\r\n";
    ASSERT_EQ(parser.feed(bytes, used), progress::header);
    EXPECT_EQ(parser.wants_continue(), body);
  }
}

TEST(request_parser, a_line_ends_with_both_of_its_characters) {
  const auto* bare = "GET / HTTP/1.1\nHost: x\n\n";
  EXPECT_EQ(parse(bare, 10'000).status, 400);
  EXPECT_FALSE(parse(bare, 1).whole);
}

TEST(request_parser, takes_a_request_in_any_helpings) {
  const std::string bytes =
      "\r\nPOST http://x/a?b=c HTTP/1.1\r\nhost: x\r\nX-One:  1 \r\n"
      "Transfer-Encoding: Chunked\r\n\r\n"
      "3;ext=1\r\nabc\r\n01\r\nd\r\n0\r\nX-Trailer: evil\r\n\r\nGET";
  for (std::size_t at_a_time = 1; at_a_time <= bytes.size(); ++at_a_time) {
    const auto seen = parse(bytes, at_a_time);
    ASSERT_TRUE(seen.whole) << at_a_time << " " << seen.body;
    EXPECT_EQ(seen.body, "abcd");
    EXPECT_EQ(seen.left, "GET");
  }
  request_parser parser({});
  std::size_t used = 0;
  ASSERT_EQ(parser.feed(bytes, used), progress::header);
  std::size_t again = 0;
  ASSERT_EQ(parser.feed(std::string_view(bytes).substr(used), again), progress::whole);
  const auto taken = parser.take();
  EXPECT_EQ(taken.method, "POST");
  EXPECT_EQ(taken.path, "/a");
  EXPECT_EQ(taken.query, "b=c");
  EXPECT_EQ(taken.header("x-ONE"), "1");
  EXPECT_EQ(taken.header("X-Trailer"), "") << "trailers must not become headers";
}

TEST(request_parser, an_empty_chunked_body_byte_by_byte) {
  const auto seen =
      parse("PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nrest", 1);
  EXPECT_TRUE(seen.whole);
  EXPECT_EQ(seen.body, "");
}

TEST(request_parser, a_header_may_be_as_long_as_its_limit_and_no_longer) {
  const parse_limits bounds{200, 100};
  const std::string frame = "GET / HTTP/1.1\r\nHost: x\r\nA: 1\r\nB: \r\n\r\n";
  for (const std::size_t at_a_time : {1UL, 50UL, 1000UL}) {
    for (const std::size_t size : {200UL, 201UL, 300UL, 900UL}) {
      auto bytes = frame;
      bytes.insert(bytes.size() - 4, std::string(size - frame.size(), 'b'));
      const auto seen = parse(bytes, at_a_time, bounds);
      EXPECT_EQ(seen.status, size <= 200 ? 0 : 431) << size << " by " << at_a_time;
    }
    EXPECT_EQ(parse("GET /" + std::string(500, 'a'), at_a_time, bounds).status, 431);
  }
}

TEST(request_parser, a_body_may_be_as_long_as_its_limit_and_no_longer) {
  const parse_limits bounds{200, 10};
  const std::string head = "PUT / HTTP/1.1\r\nHost: x\r\n";
  const std::string chunked = head + "Transfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(parse(head + "Content-Length: 10\r\n\r\n0123456789", 3, bounds).body, "0123456789");
  EXPECT_EQ(parse(head + "Content-Length: 11\r\n\r\n", 3, bounds).status, 413);
  EXPECT_EQ(parse(chunked + "5\r\n01234\r\n5\r\n01234\r\n0\r\n\r\n", 3, bounds).body, "0123401234");
  EXPECT_EQ(parse(chunked + "5\r\n01234\r\n6\r\n0", 3, bounds).status, 413);
  EXPECT_EQ(parse(chunked + "1;" + std::string(300, 'e'), 3, bounds).status, 431)
      << "a chunk's head without an end";
  EXPECT_EQ(parse(chunked + "0\r\nX: " + std::string(300, 'e'), 3, bounds).status, 431)
      << "a trailer without an end";
}

TEST(request_parser, says_whether_the_connection_is_kept) {
  struct {
    const char* bytes;
    bool kept;
  } const table[] = {
      {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", true},
      {"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", false},
      {"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, Close\r\nUpgrade: h2c\r\n\r\n", false},
      {"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", true},
      {"GET / HTTP/1.0\r\n\r\n", false},
      {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true},
  };
  for (const auto& row : table) {
    request_parser parser({});
    std::size_t used = 0;
    ASSERT_EQ(parser.feed(row.bytes, used), progress::header) << row.bytes;
    EXPECT_EQ(parser.keep_alive(), row.kept) << row.bytes;
  }
}

TEST(response_parser, passes_over_interim_answers) {
  response_parser parser({});
  const std::string bytes =
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: a\r\n\r\n"
      "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok";
  std::size_t used = 0;
  ASSERT_EQ(parser.feed(bytes, used), progress::header);
  std::size_t rest = 0;
  ASSERT_EQ(parser.feed(std::string_view(bytes).substr(used), rest), progress::whole);
  const auto answer = parser.take();
  EXPECT_EQ(answer.status, 201);
  EXPECT_EQ(answer.body, "ok");
  EXPECT_EQ(answer.header("Link"), "");
}

TEST(response_parser, the_end_of_the_connection_ends_what_has_no_length) {
  const auto fed = [](std::string_view bytes) {
    response_parser parser({});
    std::size_t used = 0;
    while (parser.feed(bytes, used) && used > 0) bytes.remove_prefix(used);
    return parser.feed_end();
  };
  EXPECT_TRUE(fed("HTTP/1.1 200 OK\r\n\r\nsome"));
  EXPECT_TRUE(fed("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")) << "whole already";
  EXPECT_FALSE(fed("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"));
  EXPECT_FALSE(fed("HTTP/1.1 200"));
  EXPECT_FALSE(fed(""));
}

TEST(response_parser, refuses_what_is_no_answer) {
  for (const char* bytes :
       {"SSH-2.0-OpenSSH_9.2\r\n", "HTTP/2 200\r\n\r\n", "HTTP/1.1 2x0 OK\r\n\r\n",
        "HTTP/1.1 101 Switching\r\n\r\n", "{\"a\": 1}\r\n"}) {
    response_parser parser({});
    std::size_t used = 0;
    const auto fed = parser.feed(bytes, used);
    ASSERT_FALSE(fed) << bytes;
    EXPECT_EQ(fed.error().code, errc::corrupt);
  }
}

TEST(encoding, an_answer_has_its_length_and_no_header_of_its_own) {
  response answer;
  answer.status = 404;
  answer.headers = {{"Content-Type", "text/plain"}, {"content-length", "99"}, {"Connection", "x"}};
  answer.body = "gone";
  std::string head;
  ASSERT_TRUE(append_answer_head(head, answer, 11, true));
  EXPECT_EQ(head,
            "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\n");
  head.clear();
  ASSERT_TRUE(append_answer_head(head, answer, 11, false));
  EXPECT_THAT(head, HasSubstr("\r\nConnection: close\r\n"));
  head.clear();
  ASSERT_TRUE(append_answer_head(head, answer, 10, true));
  EXPECT_THAT(head, HasSubstr("\r\nConnection: keep-alive\r\n"));
}

TEST(encoding, a_date_is_as_rfc_9110_wants_it) {
  const auto at = [](std::int64_t unix_s) {
    return http_date(std::chrono::system_clock::time_point(std::chrono::seconds{unix_s}));
  };
  EXPECT_EQ(at(784'111'777), "Sun, 06 Nov 1994 08:49:37 GMT") << "the RFC's own example";
  EXPECT_EQ(at(0), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(at(1'709'251'199), "Thu, 29 Feb 2024 23:59:59 GMT");
}

TEST(encoding, refuses_what_breaks_out_of_its_line) {
  std::string head;
  for (const auto& [name, value] : header_list{{"A", "b\r\nC: d"},
                                               {"A", "b\nc"},
                                               {"A:", "b"},
                                               {"A b", "c"},
                                               {"", "c"},
                                               {"A", std::string(1, 0)}}) {
    response answer;
    answer.headers = {{name, value}};
    EXPECT_FALSE(append_answer_head(head, answer, 11, true)) << name << value;
    request wanted;
    wanted.method = "GET";
    wanted.headers = {{name, value}};
    EXPECT_FALSE(encode_request_head(wanted, "x")) << name << value;
  }
  for (const auto& [path, query] : header_list{{"/a b", ""},
                                               {"a", ""},
                                               {"/a?b", ""},
                                               {"/", "a b"},
                                               {"/\r\n", ""},
                                               {"/", "\n"},
                                               {"/#", ""}}) {
    request wanted;
    wanted.method = "GET";
    wanted.path = path;
    wanted.query = query;
    EXPECT_FALSE(encode_request_head(wanted, "x")) << path << query;
  }
}

TEST(encoding, an_answer_has_a_status_and_what_belongs_to_it) {
  response answer;
  std::string head;
  for (const int status : {0, 199, 600}) {
    answer.status = status;
    EXPECT_FALSE(append_answer_head(head, answer, 11, true)) << status;
  }
  answer.status = 299;
  head.clear();
  ASSERT_TRUE(append_answer_head(head, answer, 11, true));
  EXPECT_EQ(head, "HTTP/1.1 299 \r\nContent-Length: 0\r\n\r\n") << "nobody knows what it means";
  for (const int status : {204, 304}) {
    answer.status = status;
    head.clear();
    ASSERT_TRUE(append_answer_head(head, answer, 11, true));
    EXPECT_EQ(head.find("Content-Length"), std::string::npos) << status;
  }
}

TEST(encoding, a_header_is_a_token_and_a_value) {
  response answer;
  answer.headers = {{"aZ09!#$%&'*+-.^_`|~", "tab\tand \xc3\xbc"}};
  std::string head;
  EXPECT_TRUE(append_answer_head(head, answer, 11, true));
  for (const char* name : {"a{", "a[", "a@", "a/", "a\x7f", "\xc3\xbc"}) {
    answer.headers = {{name, "x"}};
    EXPECT_FALSE(append_answer_head(head, answer, 11, true)) << name;
  }
  answer.headers = {{"A", "x\x7f"}};
  EXPECT_FALSE(append_answer_head(head, answer, 11, true));
}

TEST(encoding, a_request_with_a_body_says_how_long_it_is) {
  request wanted;
  wanted.path = "/";
  for (const auto& [method, body, length] :
       {std::tuple{"PUT", "", "0"}, {"PATCH", "", "0"}, {"DELETE", "xy", "2"}}) {
    wanted.method = method;
    wanted.body = body;
    EXPECT_THAT(encode_request_head(wanted, "h").value(),
                HasSubstr("\r\nContent-Length: " + std::string(length) + "\r\n"));
  }
  wanted.method = "GET /";
  EXPECT_EQ(encode_request_head(wanted, "h").error().field, "method");
  wanted.method = "GET";
  wanted.path = "/\x7f";
  EXPECT_EQ(encode_request_head(wanted, "h").error().field, "path");
}

TEST(encoding, a_request_names_its_host_and_length) {
  request wanted;
  wanted.method = "POST";
  wanted.path = "/v1/networks";
  wanted.query = "a=b";
  wanted.headers = {{"Host", "evil"}, {"Accept", "x"}};
  EXPECT_EQ(
      encode_request_head(wanted, "h:1").value(),
      "POST /v1/networks?a=b HTTP/1.1\r\nHost: h:1\r\nAccept: x\r\nContent-Length: 0\r\n\r\n");
  request bare;
  bare.method = "GET";
  EXPECT_EQ(encode_request_head(bare, "h").value(), "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
}

}  // namespace
}  // namespace peerage::http
