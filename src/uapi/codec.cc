#include "uapi/codec.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <string>
#include <system_error>
#include <utility>

#include "base/base64.h"

namespace peerage::uapi {
namespace {

constexpr std::uint64_t last_second = 253402300799;  // the end of the year 9999

// Room for "preshared_key=" or the like, 64 digits and the line's end.
constexpr std::size_t key_line = 96;
// The other lines of one peer, those that begin a handshake, and an allowed IP with its name.
constexpr std::size_t fixed_lines = 48;
constexpr std::size_t handshake_lines = 128;
constexpr std::size_t allowed_ip_line = 64;

// Text that holds secrets. All room is taken at once, since growing would leave copies behind.
class wire_text {
 public:
  explicit wire_text(std::size_t most) { text_.reserve(most); }

  void add(std::string_view words) { text_ += words; }
  void key(std::string_view name, std::span<const std::uint8_t, key_size> bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    text_ += name;
    text_ += '=';
    for (const std::uint8_t byte : bytes) {
      text_ += digits[byte >> 4];
      text_ += digits[byte & 15];
    }
    text_ += '\n';
  }
  secret_text finish() {
    text_ += '\n';
    return secret_text(std::move(text_));
  }

 private:
  std::string text_;
};

std::size_t most_bytes(const device_change& change) {
  const auto* set = std::get_if<set_peer>(&change);
  if (set == nullptr) return key_line + fixed_lines;
  const bool called_back = !set->endpoint.empty() || set->keepalive_s;
  return 2 * key_line + fixed_lines + (called_back ? handshake_lines : 0) +
         set->peer.allowed_ips.size() * allowed_ip_line;
}

void encode(wire_text& out, const set_peer& change) {
  static const secret_key none;
  out.key("public_key", change.peer.public_key.bytes());
  const secret_key& preshared = change.peer.preshared_key ? *change.peer.preshared_key : none;
  out.key("preshared_key", preshared.reveal());
  if (parse_socket_address(change.endpoint)) {
    out.add("endpoint=");
    out.add(change.endpoint);
    out.add("\n");
  }
  if (change.keepalive_s) {
    out.add("persistent_keepalive_interval=" + std::to_string(*change.keepalive_s) + "\n");
  }
  out.add("replace_allowed_ips=true\n");
  for (const prefix& allowed : change.peer.allowed_ips) {
    out.add("allowed_ip=");
    out.add(allowed.text());
    out.add("\n");
  }
}

void encode(wire_text& out, const strip_peer& change) {
  out.key("public_key", change.public_key.bytes());
  // Only where it is there: stripping must not make a peer.
  out.add("update_only=true\nreplace_allowed_ips=true\n");
}

void encode(wire_text& out, const drop_peer& change) {
  out.key("public_key", change.public_key.bytes());
  out.add("remove=true\n");
}

template <class Number>
bool read_number(std::string_view text, Number& out) {
  const char* last = text.data() + text.size();
  const auto [end, failure] = std::from_chars(text.data(), last, out);
  return failure == std::errc{} && end == last;
}

std::unexpected<error> corrupt(std::string_view what) {
  return fail(errc::corrupt, "the userspace WireGuard's answer " + std::string(what));
}

}  // namespace

std::size_t fitting(std::span<const device_change> changes, std::size_t limit) {
  std::size_t bytes = get_request.size();
  std::size_t count = 0;
  for (const device_change& change : changes) {
    bytes += most_bytes(change);
    if (bytes > limit && count != 0) break;
    ++count;
  }
  return count;
}

secret_text encode_changes(std::span<const device_change> changes) {
  std::size_t bytes = get_request.size();
  for (const device_change& change : changes) bytes += most_bytes(change);
  wire_text out(bytes);
  out.add("set=1\n");
  for (const device_change& change : changes)
    std::visit([&out](const auto& one) { encode(out, one); }, change);
  return out.finish();
}

secret_text encode_configure(const std::optional<secret_key>& private_key,
                             std::optional<std::uint16_t> listen_port) {
  wire_text out(get_request.size() + key_line + fixed_lines);
  out.add("set=1\n");
  if (private_key) out.key("private_key", private_key->reveal());
  if (listen_port) out.add("listen_port=" + std::to_string(*listen_port) + "\n");
  return out.finish();
}

capacity_plan fit_to_capacity(std::span<const device_change> changes,
                              std::unordered_set<public_key> present, std::size_t capacity) {
  capacity_plan plan;
  for (const device_change& change : changes) {
    if (const auto* drop = std::get_if<drop_peer>(&change)) {
      if (present.erase(drop->public_key) != 0) plan.changes.push_back(change);
      continue;
    }
    if (const auto* strip = std::get_if<strip_peer>(&change)) {
      if (present.contains(strip->public_key)) plan.changes.push_back(change);
      continue;
    }
    const public_key& key = std::get<set_peer>(change).peer.public_key;
    if (present.size() >= capacity && !present.contains(key)) {
      ++plan.left_out;
      continue;
    }
    present.insert(key);
    plan.changes.push_back(change);
  }
  return plan;
}

answer_reader::~answer_reader() {
  wipe(partial_.data(), partial_.size());
}

result<bool> answer_reader::feed(std::string_view bytes) {
  bytes_ += bytes.size();
  if (bytes_ > max_answer) return corrupt("is longer than any device's");
  while (!bytes.empty()) {
    if (state_ == state::whole) return corrupt("goes on after its end");
    const std::size_t end = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, end);
    if (partial_size_ + piece.size() > max_line) return corrupt("has a line that is too long");
    const bool ends_here = end != std::string_view::npos;
    if (partial_size_ != 0 || !ends_here) {
      std::copy(piece.begin(), piece.end(), partial_.begin() + partial_size_);
      partial_size_ += piece.size();
    }
    if (!ends_here) break;
    const std::string_view kept(partial_.data(), std::exchange(partial_size_, 0));
    const auto read = line(kept.empty() ? piece : kept);
    if (!read) return std::unexpected(read.error());
    bytes.remove_prefix(end + 1);
  }
  return whole();
}

result<> answer_reader::line(std::string_view text) {
  if (state_ == state::blank_line) {
    if (!text.empty()) return corrupt("goes on after its errno");
    state_ = state::whole;
    return {};
  }
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) return corrupt("has a line that is no NAME=VALUE");
  const std::string_view name = text.substr(0, equals);
  const std::string_view value = text.substr(equals + 1);
  if (name == "errno") return ending(value);
  return member(name, value);
}

result<> answer_reader::ending(std::string_view value) {
  std::int64_t number = 0;
  // wireguard-go counts its errors downwards, the protocol's text upwards.
  if (!read_number(value, number) || number < -4095 || number > 4095)
    return corrupt("has an errno that is none");
  if (!end_peer()) return corrupt("has a time that is none");
  error_number_ = static_cast<int>(number < 0 ? -number : number);
  state_ = state::blank_line;
  return {};
}

result<> answer_reader::member(std::string_view name, std::string_view value) {
  if (kind_ == answer_kind::acknowledgement) return corrupt("is not the one of a set operation");
  bool sound = false;
  if (name == "public_key")
    sound = begin_peer(value);
  else if (answer_.peers.empty())
    sound = device_member(name, value);
  else
    sound = peer_member(name, value);
  // The value may be a secret or hostile, and stays out of the message; so does a strange name.
  if (!sound) return corrupt("has a member with a value that it can't have");
  return {};
}

bool answer_reader::begin_peer(std::string_view value) {
  std::array<std::uint8_t, key_size> key{};
  if (!end_peer() || !hex_decode(value, key)) return false;
  device_entry& entry = answer_.peers.emplace_back();
  entry.peer.public_key = public_key(key);
  entry.status.public_key = entry.peer.public_key;
  return true;
}

bool answer_reader::end_peer() {
  const std::uint64_t whole_seconds = std::exchange(handshake_seconds_, 0);
  const std::uint64_t rest = std::exchange(handshake_nanoseconds_, 0);
  if (answer_.peers.empty()) return true;
  device_entry& entry = answer_.peers.back();
  std::ranges::sort(entry.peer.allowed_ips);
  if (whole_seconds > last_second || rest >= 1'000'000'000) return false;
  if (whole_seconds == 0 && rest == 0) return true;  // before the first handshake
  entry.status.last_handshake_at =
      wall_time(seconds(static_cast<std::int64_t>(whole_seconds)) +
                milliseconds(static_cast<std::int64_t>(rest / 1'000'000)));
  return true;
}

bool answer_reader::device_member(std::string_view name, std::string_view value) {
  if (name == "private_key") {
    secret_key key;
    if (!hex_decode(value, key.reveal())) return false;
    answer_.private_key = key;
    return true;
  }
  if (name == "listen_port") return read_number(value, answer_.listen_port);
  return true;  // fwmark, and what later versions will say
}

bool answer_reader::peer_member(std::string_view name, std::string_view value) {
  device_entry& entry = answer_.peers.back();
  if (name == "allowed_ip") {
    const auto allowed = prefix::parse(value);
    if (allowed) entry.peer.allowed_ips.push_back(*allowed);
    return allowed.has_value();
  }
  if (name == "preshared_key") {
    secret_key key;
    if (!hex_decode(value, key.reveal())) return false;
    entry.peer.preshared_key.reset();
    if (key != secret_key{}) entry.peer.preshared_key = key;
    return true;
  }
  if (name == "endpoint") {
    const auto printable = [](char c) { return c > ' ' && c <= '~'; };
    entry.status.endpoint = value;
    return !value.empty() && std::ranges::all_of(value, printable);
  }
  if (name == "last_handshake_time_sec") return read_number(value, handshake_seconds_);
  if (name == "last_handshake_time_nsec") return read_number(value, handshake_nanoseconds_);
  if (name == "rx_bytes") return read_number(value, entry.status.rx_bytes);
  if (name == "tx_bytes") return read_number(value, entry.status.tx_bytes);
  if (name == "persistent_keepalive_interval") return read_number(value, entry.keepalive_s);
  return true;  // protocol_version, and what later versions will say
}

result<device_answer> parse_answer(std::string_view bytes) {
  answer_reader reader(answer_kind::device);
  const auto fed = reader.feed(bytes);
  if (!fed) return std::unexpected(fed.error());
  if (!*fed) return corrupt("ends before its errno");
  const auto fine = check_errno(reader.error_number(), "reading the device");
  if (!fine) return std::unexpected(fine.error());
  return reader.take();
}

result<> check_errno(int error_number, std::string_view what) {
  if (error_number == 0) return {};
  const std::string words = std::generic_category().message(error_number);
  const errc code = error_number == EADDRINUSE ? errc::conflict : errc::io;
  return fail(code, std::string(what) + " failed: " + words + " (errno=-" +
                        std::to_string(error_number) + ")");
}

}  // namespace peerage::uapi
