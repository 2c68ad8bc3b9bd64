#include "http/encode.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace peerage::http {
namespace {

struct reason {
  int status;
  std::string_view text;
};
constexpr std::array reasons{
    reason{200, "OK"},
    reason{201, "Created"},
    reason{202, "Accepted"},
    reason{204, "No Content"},
    reason{304, "Not Modified"},
    reason{400, "Bad Request"},
    reason{401, "Unauthorized"},
    reason{403, "Forbidden"},
    reason{404, "Not Found"},
    reason{405, "Method Not Allowed"},
    reason{406, "Not Acceptable"},
    reason{408, "Request Timeout"},
    reason{409, "Conflict"},
    reason{410, "Gone"},
    reason{411, "Length Required"},
    reason{412, "Precondition Failed"},
    reason{413, "Content Too Large"},
    reason{415, "Unsupported Media Type"},
    reason{417, "Expectation Failed"},
    reason{422, "Unprocessable Content"},
    reason{429, "Too Many Requests"},
    reason{431, "Request Header Fields Too Large"},
    reason{500, "Internal Server Error"},
    reason{501, "Not Implemented"},
    reason{502, "Bad Gateway"},
    reason{503, "Service Unavailable"},
    reason{504, "Gateway Timeout"},
    reason{505, "HTTP Version Not Supported"},
};

std::string_view reason_of(int status) {
  const auto at = std::ranges::find(reasons, status, &reason::status);
  return at == reasons.end() ? std::string_view{} : at->text;
}

bool is_token(std::string_view text) {
  static constexpr std::string_view others = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           others.find(c) != std::string_view::npos;
  });
}

bool is_value(std::string_view text) {
  return std::ranges::none_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7f;
  });
}

/// What frames a message is written by this file alone.
bool is_framing(std::string_view name) {
  static constexpr std::array<std::string_view, 5> names{"content-length", "connection",
                                                         "transfer-encoding", "keep-alive", "host"};
  return std::ranges::any_of(names, [name](auto each) { return same_word(each, name); });
}

bool append_headers(std::string& out, const header_list& headers) {
  for (const auto& [name, value] : headers) {
    if (!is_token(name) || !is_value(value)) return false;
    if (is_framing(name)) continue;
    out.append(name).append(": ").append(value).append("\r\n");
  }
  return true;
}

bool is_target_part(std::string_view text, std::string_view forbidden) {
  return std::ranges::all_of(text, [forbidden](char c) {
    return c > ' ' && c < 0x7f && forbidden.find(c) == std::string_view::npos;
  });
}

}  // namespace

bool append_answer_head(std::string& out, const response& answer, int version, bool keep_alive) {
  if (answer.status < 200 || answer.status > 599) return false;
  out.append("HTTP/1.1 ").append(std::to_string(answer.status)).append(" ");
  out.append(reason_of(answer.status)).append("\r\n");
  if (!append_headers(out, answer.headers)) return false;
  if (answer.status != 204 && answer.status != 304 && !answer.stream) {
    out.append("Content-Length: ").append(std::to_string(answer.body.size())).append("\r\n");
  }
  if (!keep_alive) {
    out.append("Connection: close\r\n");
  } else if (version == 10) {
    out.append("Connection: keep-alive\r\n");
  }
  out.append("\r\n");
  return true;
}

std::string http_date(std::chrono::system_clock::time_point now) {
  static constexpr std::array days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = std::chrono::floor<std::chrono::days>(now);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(std::chrono::floor<std::chrono::seconds>(now - day));
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%s, %02u %s %04d %02d:%02d:%02d GMT",
                days[std::chrono::weekday(day).c_encoding()], unsigned(date.day()),
                months[unsigned(date.month()) - 1], int(date.year()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()));
  return text.data();
}

result<std::string> encode_request_head(const request& wanted, std::string_view host) {
  const std::string_view path = wanted.path.empty() ? "/" : std::string_view{wanted.path};
  if (!is_token(wanted.method)) return fail(errc::invalid, "the method is not one word", "method");
  if (!path.starts_with('/') || !is_target_part(path, "?#")) {
    return fail(errc::invalid, "the path is not a percent-encoded path", "path");
  }
  if (!is_target_part(wanted.query, "#")) {
    return fail(errc::invalid, "the query is not percent-encoded", "query");
  }
  std::string out = wanted.method;
  out.append(" ").append(path);
  if (!wanted.query.empty()) out.append("?").append(wanted.query);
  out.append(" HTTP/1.1\r\nHost: ").append(host).append("\r\n");
  if (!append_headers(out, wanted.headers)) {
    return fail(errc::invalid, "a header holds a character that can't be sent", "headers");
  }
  const bool expects_body =
      wanted.method == "POST" || wanted.method == "PUT" || wanted.method == "PATCH";
  if (expects_body || !wanted.body.empty()) {
    out.append("Content-Length: ").append(std::to_string(wanted.body.size())).append("\r\n");
  }
  out.append("\r\n");
  return out;
}

}  // namespace peerage::http
