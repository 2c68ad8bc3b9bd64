// The rings of a gateway's folder in Consul: on the first line the reader's own place, on each
// other line what one key holds.
#include "consul/rings.h"
#include "fuzz/fuzz.h"

namespace peerage {
namespace {

constexpr std::string_view folder = "peerage/v1/rings/gw-1/";

std::string_view next_line(std::string_view& text) {
  const auto end = std::min(text.find('\n'), text.size());
  const auto line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

std::string ring_of(const consul::ring_text& from) {
  consul::ring ring{from.sequence, {}};
  for (const auto& key : from.changes) ring.changes.push_back({key, from.written_at});
  return consul::write_ring(ring, from.epoch, from.written_at);
}

}  // namespace
}  // namespace peerage

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace peerage;
  auto text = fuzz::text_of(data, size);
  const auto first = next_line(text);
  fuzz::settles(first, consul::read_place, consul::write_place);
  const auto behind = consul::read_place(first).value_or(consul::place_in_rings{"e", 1, {}, {}});
  std::vector<consul::entry> entries;
  while (!text.empty() && entries.size() < 16) {
    const auto line = next_line(text);
    fuzz::settles(line, consul::read_ring, ring_of);
    const std::string name = (size % 5 == 0 ? "~" : "api-") + std::to_string(entries.size());
    entries.push_back({std::string(folder) + name, std::string(line), 0, entries.size() + 10});
  }
  const auto news = consul::news_in(entries, folder, 99, behind);
  fuzz::hold(news.next.index == 99, "a place is where the answer was");
  fuzz::hold(news.gap || news.changes.size() <= news.recorded, "no change is told uncounted");
  const auto again = consul::news_in(entries, folder, 99, news.next);
  fuzz::hold(!again.gap && again.changes.empty() && again.recorded == 0, "news are news once");
  return 0;
}
