#include "http/parse.h"

#include <algorithm>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <optional>

#include "http/target.h"

namespace peerage::http {
namespace {

namespace beast = boost::beast;
using beast_request = beast::http::request_parser<beast::http::string_body>;
using beast_response = beast::http::response_parser<beast::http::string_body>;

// The shortest end of a chunked body is "0\r\n\r\n"; Beast must not see less of it at a time.
constexpr std::size_t chunked_end = 5;

/// One message: feeds Beast and counts. Beast's own header limit is for each call; this one is
/// for the whole.
template <class Parser>
class reader {
 public:
  explicit reader(parse_limits bounds) : bounds_(bounds) {
    parser_.header_limit(static_cast<std::uint32_t>(bounds.header));
    parser_.body_limit(bounds.body);
    parser_.eager(false);
  }

  Parser& beast_parser() { return parser_; }
  const Parser& beast_parser() const { return parser_; }

  progress feed(std::string_view bytes, std::size_t& used, beast::error_code& problem) {
    used = 0;
    if (!parser_.is_header_done()) return feed_header(bytes, used, problem);
    while (!parser_.is_done()) {
      const auto rest = bytes.substr(used);
      if (rest.empty() || (parser_.chunked() && rest.size() < chunked_end)) return progress::more;
      const auto taken = parser_.put(boost::asio::buffer(rest), problem);
      used += taken;
      if (problem == beast::http::error::need_more) {
        problem = {};
        if (bytes.size() - used > bounds_.header) problem = beast::http::error::header_limit;
        return progress::more;
      }
      if (problem) return progress::more;
    }
    return progress::whole;
  }

 private:
  progress feed_header(std::string_view bytes, std::size_t& used, beast::error_code& problem) {
    used = parser_.put(boost::asio::buffer(bytes), problem);
    header_bytes_ += used;
    if (problem == beast::http::error::need_more) problem = {};
    if (problem) return progress::more;
    const bool whole = parser_.is_header_done();
    const auto seen = header_bytes_ + (whole ? 0 : bytes.size() - used);
    if (seen > bounds_.header) problem = beast::http::error::header_limit;
    return whole ? progress::header : progress::more;
  }

  parse_limits bounds_;
  Parser parser_;
  std::size_t header_bytes_ = 0;  // used so far
};

header_list copy_headers(const beast::http::fields& fields) {
  header_list headers;
  for (const auto& field : fields) {
    headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
  }
  return headers;
}

std::size_t count(const header_list& headers, std::string_view name) {
  std::size_t found = 0;
  for (const auto& header : headers) found += same_word(header.first, name) ? 1 : 0;
  return found;
}

/// "GET / HTTP/2.0" is a version that is not spoken here; anything else after a path is garbage.
bool names_other_version(std::string_view bytes) {
  const auto line = bytes.substr(0, bytes.find("\r\n"));
  const auto word = line.substr(std::min(line.rfind(' '), line.size() - 1) + 1);
  const auto digit = [&word](std::size_t at) { return word[at] >= '0' && word[at] <= '9'; };
  return word.size() == 8 && word.starts_with("HTTP/") && !word.ends_with("1.0") &&
         !word.ends_with("1.1") && digit(5) && word[6] == '.' && digit(7);
}

refusal refusal_of(const beast::error_code& problem, std::string_view bytes) {
  using beast::http::error;
  if (problem == error::header_limit) return {431, "the request's header is too large"};
  if (problem == error::body_limit) return {413, "the request's body is too large"};
  if (problem == error::bad_version && names_other_version(bytes)) {
    return {505, "only HTTP/1.0 and HTTP/1.1 are spoken here"};
  }
  return {400, "the request is not valid HTTP: " + problem.message()};
}

/// What Beast lets pass and RFC 9112 (sections 3.2, 6.1 and 6.3) does not.
std::optional<refusal> check_framing(const request& head, int version) {
  const auto codings = count(head.headers, "Transfer-Encoding");
  const auto lengths = count(head.headers, "Content-Length");
  const auto hosts = count(head.headers, "Host");
  if (codings > 0 && (lengths > 0 || codings > 1 || version == 10)) {
    return refusal{400, "the request says in two ways how long its body is"};
  }
  if (codings == 1 && !same_word(head.header("Transfer-Encoding"), "chunked")) {
    return refusal{501, "the only transfer coding known here is chunked"};
  }
  if (lengths > 1) return refusal{400, "the request has more than one Content-Length"};
  if (lengths == 1 && head.header("Content-Length").find(',') != std::string_view::npos) {
    return refusal{400, "the request has more than one Content-Length"};
  }
  if (hosts > 1 || (hosts == 0 && version == 11)) {
    return refusal{400, "the request must have one Host header"};
  }
  if (version == 10 && lengths == 0 && (head.method == "POST" || head.method == "PUT")) {
    return refusal{411, "the request must have a Content-Length"};
  }
  const auto expectation = head.header("Expect");
  if (!expectation.empty() && !same_word(expectation, "100-continue")) {
    return refusal{417, "the only expectation known here is 100-continue"};
  }
  return std::nullopt;
}

}  // namespace

struct request_parser::parser {
  explicit parser(parse_limits given) : bounds(given) { reading.emplace(bounds); }

  /// The header as this room's own type, taken before the body so that no trailer gets into it.
  std::expected<void, refusal> adopt_header() {
    const auto& message = reading->beast_parser().get();
    head.method = std::string(message.method_string());
    head.headers = copy_headers(message.base());
    const std::string_view wanted(message.target().data(), message.target().size());
    // The server as a whole (RFC 9110, section 9.3.7); no path, and so split_target knows none.
    const bool whole_server = wanted == "*" && head.method == "OPTIONS";
    auto split = whole_server ? result<target>(target{"*", {}}) : split_target(wanted);
    if (!split) return std::unexpected(refusal{400, std::move(split.error().message)});
    head.path = std::move(split->path);
    head.query = std::move(split->query);
    if (auto wrong = check_framing(head, static_cast<int>(message.version()))) {
      return std::unexpected(std::move(*wrong));
    }
    return {};
  }

  parse_limits bounds;
  std::optional<reader<beast_request>> reading;
  request head;
  bool begun = false;
  std::size_t blank_bytes = 0;
};

request_parser::request_parser(parse_limits bounds) : parser_(std::make_unique<parser>(bounds)) {}
request_parser::~request_parser() = default;

void request_parser::reset() {
  parser_->reading.emplace(parser_->bounds);
  parser_->head = {};
  parser_->begun = false;
  parser_->blank_bytes = 0;
}

std::expected<progress, refusal> request_parser::feed(std::string_view bytes, std::size_t& used) {
  // An empty line or two before a request are passed over (RFC 9112, section 2.2).
  std::size_t blank = 0;
  while (!parser_->begun && blank < bytes.size()) {
    parser_->begun = bytes[blank] != '\r' && bytes[blank] != '\n';
    if (!parser_->begun) ++blank;
  }
  parser_->blank_bytes += blank;
  used = blank;
  if (parser_->blank_bytes > 4) return std::unexpected(refusal{400, "the request is empty"});
  if (!parser_->begun) return progress::more;

  beast::error_code problem;
  std::size_t taken = 0;
  const auto rest = bytes.substr(blank);
  const auto step = parser_->reading->feed(rest, taken, problem);
  used += taken;
  if (problem) return std::unexpected(refusal_of(problem, rest));
  if (step == progress::header) {
    if (auto fine = parser_->adopt_header(); !fine) return std::unexpected(std::move(fine.error()));
  }
  return step;
}

int request_parser::version() const {
  return static_cast<int>(parser_->reading->beast_parser().get().version());
}

bool request_parser::keep_alive() const {
  return parser_->reading->beast_parser().keep_alive();
}

bool request_parser::wants_continue() const {
  return version() == 11 && !parser_->head.header("Expect").empty() &&
         !parser_->reading->beast_parser().is_done();
}

request request_parser::take() {
  parser_->head.body = std::move(parser_->reading->beast_parser().get().body());
  return std::move(parser_->head);
}

struct response_parser::parser {
  explicit parser(parse_limits given) : bounds(given) { start(); }

  void start() {
    reading.emplace(bounds);
    reading->beast_parser().skip(answers_head);
  }

  parse_limits bounds;
  bool answers_head = false;
  std::optional<reader<beast_response>> reading;
};

response_parser::response_parser(parse_limits bounds) : parser_(std::make_unique<parser>(bounds)) {}
response_parser::~response_parser() = default;

void response_parser::reset(bool answers_head) {
  parser_->answers_head = answers_head;
  parser_->start();
}

result<progress> response_parser::feed(std::string_view bytes, std::size_t& used) {
  used = 0;
  for (;;) {
    beast::error_code problem;
    std::size_t taken = 0;
    const auto step = parser_->reading->feed(bytes.substr(used), taken, problem);
    used += taken;
    if (problem) return fail(errc::corrupt, "the answer is not valid HTTP: " + problem.message());
    if (step != progress::header) return step;
    const auto& answer = parser_->reading->beast_parser().get();
    if (answer.result_int() == 101) return fail(errc::corrupt, "the answer switches protocols");
    if (answer.result_int() >= 200) return step;
    parser_->start();
  }
}

bool response_parser::feed_end() {
  auto& reading = parser_->reading->beast_parser();
  if (!reading.got_some() || !reading.is_header_done()) return false;
  beast::error_code problem;
  if (!reading.is_done()) reading.put_eof(problem);
  return !problem;
}

bool response_parser::keep_alive() const {
  return parser_->reading->beast_parser().keep_alive();
}

response response_parser::take() {
  auto& message = parser_->reading->beast_parser().get();
  response taken;
  taken.status = static_cast<int>(message.result_int());
  taken.headers = copy_headers(message.base());
  taken.body = std::move(message.body());
  return taken;
}

}  // namespace peerage::http
