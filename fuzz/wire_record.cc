// Records as the stores keep them and as a gateway's mirror does.
#include "fuzz/fuzz.h"
#include "wire/records.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace peerage;
  const auto text = fuzz::text_of(data, size);
  const auto write = [](const auto& from) { return wire::write(from); };
  fuzz::settles(text, wire::read_network, write);
  fuzz::settles(text, wire::read_gateway, write);
  fuzz::settles(text, wire::read_peer, write);
  fuzz::settles(text, wire::read_token, write);
  fuzz::settles(text, wire::read_mark, write);
  fuzz::settles(text, wire::read_assignment, write);
  return 0;
}
