// What a proxy says of its client: X-Forwarded-For and PROXY headers.
#include "fuzz/fuzz.h"
#include "http/proxies.h"
#include "http/proxy_protocol.h"

namespace peerage {
namespace {

void forwarded(std::string_view text) {
  static const auto trusted = http::proxy_list::parse({"10.0.0.0/8", "fd00::/8"}).value();
  const http::header_list headers = {{"X-Forwarded-For", std::string(text)}};
  const auto client = http::forwarded_client(headers, trusted);
  if (!client) return;
  fuzz::hold(!client->is_v6() || !client->to_v6().is_v4_mapped(), "one form of each address");
  // What stands to the left of a client that is no proxy changes nothing.
  if (trusted.contains(*client)) return;
  const http::header_list more = {{"X-Forwarded-For", "203.0.113.9, " + std::string(text)}};
  fuzz::hold(http::forwarded_client(more, trusted) == client, "the left is not believed");
}

/// As a connection reads it: never more than is asked for.
void proxy_header(std::string_view text) {
  std::size_t have = 0;
  for (;;) {
    const auto step = http::read_proxy_header(text.substr(0, have));
    if (!step) return;
    fuzz::hold(have <= 536, "a header has an end");
    if (step->missing == 0 || step->missing > text.size() - have) return;
    have += step->missing;
  }
}

}  // namespace
}  // namespace peerage

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = peerage::fuzz::text_of(data, size);
  peerage::forwarded(text);
  peerage::proxy_header(text);
  return 0;
}
