// Requests and answers from bytes (RFC 9112): Beast's parsers, with the limits and the checks that
// they leave to their caller. No I/O; the server and the client of this room feed them. A message
// whose end could be read in two ways is refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "http/message.h"

namespace peerage::http {

struct parse_limits {
  std::size_t header = 16 * 1024;  // bytes of the first line and the headers; a trailer's too
  std::size_t body = 64 * 1024;    // bytes
};

enum class progress {
  more,    // what is left can't be used without what follows it
  header,  // the header is whole; told once, before any byte of the body is used
  whole,   // the message is; bytes that are left belong to the next one
};

/// Why a request is refused: the status that says so, and a sentence for the person who sent it.
struct refusal {
  int status = 400;
  std::string detail;
};

/// Reads one request after another. After a refusal the bytes that follow mean nothing.
class request_parser {
 public:
  explicit request_parser(parse_limits bounds);
  ~request_parser();
  request_parser(const request_parser&) = delete;
  request_parser& operator=(const request_parser&) = delete;

  /// Before each request but the first.
  void reset();

  /// `bytes` begins with what the call before did not use; `used` says how many are done with.
  std::expected<progress, refusal> feed(std::string_view bytes, std::size_t& used);

  // From progress::header on.
  int version() const;  // 10 or 11
  bool keep_alive() const;
  bool wants_continue() const;

  /// Once, after progress::whole. `remote` is empty. Trailers are dropped.
  request take();

 private:
  struct parser;
  std::unique_ptr<parser> parser_;
};

/// Reads one answer after another; interim ones (1xx) are passed over.
class response_parser {
 public:
  explicit response_parser(parse_limits bounds);
  ~response_parser();
  response_parser(const response_parser&) = delete;
  response_parser& operator=(const response_parser&) = delete;

  /// Before each answer. An answer to HEAD has no body, whatever its header says.
  void reset(bool answers_head);

  /// As request_parser's. errc::corrupt: it is no HTTP, or greater than the limits.
  result<progress> feed(std::string_view bytes, std::size_t& used);

  /// The other side has closed: whether that was the answer's end.
  bool feed_end();

  bool keep_alive() const;  // after progress::whole
  response take();          // once, after progress::whole

 private:
  struct parser;
  std::unique_ptr<parser> parser_;
};

}  // namespace peerage::http
