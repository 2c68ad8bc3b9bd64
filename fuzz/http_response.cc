// HTTP answers, as the client reads them, the answer to a HEAD among them. However the bytes are
// cut, the same answer is read; and one that is written again reads as the same.
#include "fuzz/fuzz.h"
#include "http/encode.h"
#include "http/parse.h"

namespace peerage {
namespace {

constexpr http::parse_limits wide{64 * 1024, 1024 * 1024};

/// The first answer; nothing where there is none.
std::optional<http::response> read_one(std::string_view text, std::size_t piece, bool head,
                                       http::parse_limits bounds) {
  http::response_parser parser(bounds);
  parser.reset(head);
  std::string waiting;
  while (!text.empty()) {
    waiting += text.substr(0, piece);
    text.remove_prefix(std::min(piece, text.size()));
    for (bool more = true; more;) {
      std::size_t used = 0;
      const auto step = parser.feed(waiting, used);
      fuzz::hold(used <= waiting.size(), "no more is used than there was");
      if (!step) return {};
      waiting.erase(0, used);
      more = *step != http::progress::more;
      if (*step != http::progress::whole) continue;
      (void)parser.keep_alive();
      return parser.take();
    }
  }
  if (!parser.feed_end()) return {};
  return parser.take();
}

bool same(const http::response& a, const http::response& b) {
  return a.status == b.status && a.body == b.body;
}

void write_again(http::response from) {
  std::string text;
  if (!http::append_answer_head(text, from, 11, true)) return;
  if (from.status == 204 || from.status == 304) from.body.clear();
  const auto again = read_one(text + from.body, std::string::npos, false, wide);
  fuzz::hold(again.has_value(), "what was written is an answer");
  fuzz::hold(same(*again, from), "what was written reads as the same");
}

}  // namespace
}  // namespace peerage

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace peerage;
  const auto text = fuzz::text_of(data, size);
  for (const bool head : {false, true}) {
    auto whole = read_one(text, std::string::npos, head, wide);
    const auto pieces = read_one(text, 1 + size % 7, head, wide);
    fuzz::hold(whole.has_value() == pieces.has_value(), "pieces are refused when the whole is");
    if (!whole) continue;
    fuzz::hold(same(*whole, *pieces), "pieces make the same answer");
    fuzz::hold(whole->headers == pieces->headers, "and the same headers");
    fuzz::hold(!head || whole->body.empty(), "an answer to HEAD has no body");
    write_again(*std::move(whole));
  }
  constexpr http::parse_limits narrow{200, 50};
  const auto cut = read_one(text, 1 + size % 5, false, narrow);
  fuzz::hold(!cut || cut->body.size() <= narrow.body, "a body is within its limit");
  return 0;
}
