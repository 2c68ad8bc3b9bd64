// The small values of which everything else is made: keys, addresses, names, times, numbers.
#include "base/base64.h"
#include "base/time.h"
#include "fuzz/fuzz.h"
#include "model/gateway.h"
#include "model/ip.h"
#include "model/key.h"
#include "model/name.h"
#include "model/token.h"
#include "natsbus/subjects.h"

namespace peerage {
namespace {

void values(std::string_view text) {
  const auto write = [](const auto& from) { return from.text(); };
  fuzz::settles(text, public_key::parse, write);
  fuzz::settles(text, ip_address::parse, write);
  fuzz::settles(text, prefix::parse, write);
  fuzz::settles(text, peer_name::parse, write);
  fuzz::settles(text, from_rfc3339, to_rfc3339);
  fuzz::settles(text, parse_endpoint, [](const std::string& from) { return from; });
  fuzz::settles(text, scope_named, [](scope from) { return std::string(name_of(from)); });
  fuzz::settles(text, parse_secret_key,
                [](const secret_key& from) { return base64_encode(from.reveal()); });
  if (const auto key = public_key::parse(text)) fuzz::hold(key->text() == text, "one text each");
  if (const auto range = prefix::parse(text)) {
    fuzz::hold(range->contains(range->address()), "a range holds its own address");
    fuzz::hold(prefix::of(range->address(), range->length()) == *range, "host bits are zero");
  }
  if (const auto time = parse_duration(text)) fuzz::hold(*time > seconds{0}, "time goes on");
  if (const auto gateway = nats::gateway_of_heartbeat(text)) {
    fuzz::hold(nats::subject_of(*gateway, nats::action::heartbeat) == text, "one subject each");
  }
}

void bytes(std::string_view text) {
  const std::span from(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  std::vector<std::uint8_t> back(from.size());
  fuzz::hold(base64_decode(base64_encode(from), back), "base64 can be decoded");
  fuzz::hold(std::equal(from.begin(), from.end(), back.begin()), "to the same bytes");
  fuzz::hold(hex_decode(hex_encode(from), back), "and so can hex");
  fuzz::hold(std::equal(from.begin(), from.end(), back.begin()), "to the same bytes");
  for (std::size_t size = 0; size <= text.size() && size < 64; ++size) {
    std::vector<std::uint8_t> out(size);
    if (base64_decode(text, out)) fuzz::hold(base64_encode(out) == text, "one text for all bytes");
  }
}

}  // namespace
}  // namespace peerage

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  peerage::values(peerage::fuzz::text_of(data, size));
  peerage::bytes(peerage::fuzz::text_of(data, size));
  return 0;
}
