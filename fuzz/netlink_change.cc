// Changes for the kernel's WireGuard: every message is within the protocol's limits, and what is
// written reads as the same peers.
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/wireguard.h>

#include "fuzz/device_changes.h"
#include "netlink/codec.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace peerage;
  fuzz::choices from(data, size);
  const auto changes = fuzz::some_changes(from);
  netlink::change_encoder encoder(30, "wg0", changes);
  netlink::dump_decoder decoder;
  std::size_t count = 0;
  while (const auto request = encoder.next()) {
    fuzz::hold(++count <= 2 * changes.size() + 1, "the messages have an end");
    netlink::messages list(request->bytes());
    const auto message = list.next();
    fuzz::hold(message && !list.next() && list.sound(), "it is one message");
    // A change and a dump differ in the command alone.
    std::vector<std::uint8_t> payload(message->payload.begin(), message->payload.end());
    fuzz::hold(payload.at(0) == WG_CMD_SET_DEVICE, "it is a change");
    payload[0] = WG_CMD_GET_DEVICE;
    fuzz::hold(decoder.add(payload).has_value(), "what was written can be read");
  }
  fuzz::hold(fuzz::same_peers(decoder.take(), fuzz::as_a_dump(changes, true)),
             "what was written reads as the same");
  return 0;
}
