// HTTP requests, one after another on one connection. However the bytes are cut into pieces, the
// same requests are read; and one that is written again reads as the same.
#include "fuzz/fuzz.h"
#include "http/encode.h"
#include "http/parse.h"

namespace peerage {
namespace {

std::vector<http::request> read_all(std::string_view text, std::size_t piece,
                                    http::parse_limits bounds) {
  http::request_parser parser(bounds);
  std::vector<http::request> made;
  std::string waiting;
  while (!text.empty()) {
    waiting += text.substr(0, piece);
    text.remove_prefix(std::min(piece, text.size()));
    for (bool more = true; more;) {
      std::size_t used = 0;
      const auto step = parser.feed(waiting, used);
      fuzz::hold(used <= waiting.size(), "no more is used than there was");
      if (!step) return made;
      waiting.erase(0, used);
      more = *step != http::progress::more;
      if (*step != http::progress::whole) continue;
      fuzz::hold(parser.version() == 10 || parser.version() == 11, "a version that is spoken");
      fuzz::hold(!parser.wants_continue(), "a whole request waits for no word to go on");
      (void)parser.keep_alive();
      made.push_back(parser.take());
      parser.reset();
    }
  }
  return made;
}

bool same(const http::request& a, const http::request& b) {
  return a.method == b.method && a.path == b.path && a.query == b.query && a.body == b.body;
}

void write_again(const http::request& from) {
  const auto head = http::encode_request_head(from, "host");
  if (!head) return;
  const auto again = read_all(*head + from.body, std::string::npos, {});
  fuzz::hold(again.size() == 1, "what was written is one request");
  fuzz::hold(same(again.front(), from), "what was written reads as the same");
}

}  // namespace
}  // namespace peerage

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace peerage;
  const auto text = fuzz::text_of(data, size);
  const auto whole = read_all(text, std::string::npos, {});
  const auto pieces = read_all(text, 1 + size % 7, {});
  // A piece that ends amid a faulty line may wait for the line's end before it is refused.
  fuzz::hold(whole.size() == pieces.size(), "pieces are as many requests");
  for (std::size_t i = 0; i < whole.size(); ++i) {
    fuzz::hold(same(whole[i], pieces[i]), "pieces make the same request");
    fuzz::hold(whole[i].headers == pieces[i].headers, "and the same headers");
    write_again(whole[i]);
  }
  constexpr http::parse_limits narrow{200, 50};
  for (const auto& request : read_all(text, 1 + size % 5, narrow)) {
    fuzz::hold(request.body.size() <= narrow.body, "a body is within its limit");
  }
  return 0;
}
