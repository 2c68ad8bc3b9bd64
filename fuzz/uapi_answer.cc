// What a userspace WireGuard answers. However the bytes are cut, the same device is read.
#include "fuzz/fuzz.h"
#include "uapi/codec.h"

namespace peerage {
namespace {

bool same(const uapi::device_answer& a, const uapi::device_answer& b) {
  if (a.listen_port != b.listen_port || a.private_key != b.private_key) return false;
  return std::equal(a.peers.begin(), a.peers.end(), b.peers.begin(), b.peers.end(),
                    [](const device_entry& x, const device_entry& y) {
                      return x.peer == y.peer && x.status.endpoint == y.status.endpoint &&
                             x.status.last_handshake_at == y.status.last_handshake_at &&
                             x.status.rx_bytes == y.status.rx_bytes &&
                             x.status.tx_bytes == y.status.tx_bytes;
                    });
}

std::optional<uapi::device_answer> read_in_pieces(std::string_view text, std::size_t piece) {
  uapi::answer_reader reader(uapi::answer_kind::device);
  while (!text.empty()) {
    if (!reader.feed(text.substr(0, piece))) return {};
    text.remove_prefix(std::min(piece, text.size()));
  }
  if (!reader.whole() || reader.error_number() != 0) return {};
  return reader.take();
}

}  // namespace
}  // namespace peerage

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace peerage;
  const auto text = fuzz::text_of(data, size);
  const auto whole = uapi::parse_answer(text);
  const auto pieces = read_in_pieces(text, 1 + size % 11);
  fuzz::hold(whole.has_value() == pieces.has_value(), "pieces are refused when the whole is");
  if (whole) fuzz::hold(same(*whole, *pieces), "pieces make the same device");
  if (whole) {
    for (const auto& each : whole->peers) {
      fuzz::hold(std::ranges::is_sorted(each.peer.allowed_ips), "allowed IPs are sorted");
      if (each.status.last_handshake_at) (void)to_rfc3339(*each.status.last_handshake_at);
    }
  }
  uapi::answer_reader acknowledgement(uapi::answer_kind::acknowledgement);
  const auto heard = acknowledgement.feed(text);
  if (heard && *heard) (void)uapi::check_errno(acknowledgement.error_number(), "setting");
  return 0;
}
