// The dump of a kernel's WireGuard device: the payload of one message, then the same once more, as
// when a peer goes on in the next.
#include "fuzz/fuzz.h"
#include "netlink/codec.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace peerage;
  netlink::dump_decoder decoder;
  if (!decoder.add({data, size})) return 0;
  auto entries = decoder.take_whole();
  if (!decoder.add({data, size})) return 0;
  for (auto& each : decoder.take()) entries.push_back(std::move(each));
  for (const device_entry& each : entries) {
    fuzz::hold(std::ranges::is_sorted(each.peer.allowed_ips), "allowed IPs are sorted");
    fuzz::hold(each.status.public_key == each.peer.public_key, "one peer has one key");
    if (each.status.last_handshake_at) {
      const auto text = to_rfc3339(*each.status.last_handshake_at);
      fuzz::hold(from_rfc3339(text) == each.status.last_handshake_at, "a time can be said");
    }
    for (const prefix& range : each.peer.allowed_ips) {
      const auto again = prefix::parse(range.text());
      fuzz::hold(again && *again == range, "a range can be said");
    }
  }
  return 0;
}
