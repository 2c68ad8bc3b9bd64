// What gateways and API processes say to each other on NATS.
#include "fuzz/fuzz.h"
#include "wire/messages.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace peerage;
  const auto text = fuzz::text_of(data, size);
  const auto write = [](const auto& from) { return wire::write(from); };
  fuzz::settles(text, wire::read_apply_request, write);
  fuzz::settles(text, wire::read_apply_reply, write);
  fuzz::settles(text, wire::read_status_request, write);
  fuzz::settles(text, wire::read_status_reply, write);
  fuzz::settles(text, wire::read_heartbeat, write);
  fuzz::settles(text, wire::read_event, write);
  fuzz::settles(text, wire::read_accept_removals_request, write);
  fuzz::settles(text, wire::read_accept_removals_reply, write);
  return 0;
}
