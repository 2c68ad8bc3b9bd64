#include "netlink/wire.h"

#include <linux/netlink.h>

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <limits>
#include <utility>

#include "base/secret.h"

namespace peerage::netlink {
namespace {

static_assert(sizeof(nlmsghdr) == 16 && sizeof(nlattr) == 4);

bytes_view rest_after(bytes_view from, std::size_t length) {
  return from.subspan(std::min(from.size(), (length + 3) / 4 * 4));
}

}  // namespace

request::request(std::uint16_t type, std::uint16_t flags, bytes_view protocol_header) {
  bytes_.reserve(256);
  nlmsghdr header{};
  header.nlmsg_type = type;
  header.nlmsg_flags = static_cast<std::uint16_t>(flags | NLM_F_REQUEST);
  append(bytes_of(header));
  append(protocol_header);
}

request& request::operator=(request&& other) noexcept {
  if (this != &other) {
    wipe(bytes_.data(), bytes_.size());
    bytes_ = std::move(other.bytes_);
  }
  return *this;
}

request::~request() {
  wipe(bytes_.data(), bytes_.size());
}

void request::append(bytes_view more) {
  const std::size_t padded = (more.size() + 3) / 4 * 4;
  if (bytes_.size() + padded > bytes_.capacity()) {
    std::vector<std::uint8_t> larger;
    larger.reserve(std::max(bytes_.capacity() * 2, bytes_.size() + padded));
    larger.assign(bytes_.begin(), bytes_.end());
    wipe(bytes_.data(), bytes_.size());
    bytes_ = std::move(larger);
  }
  bytes_.insert(bytes_.end(), more.begin(), more.end());
  bytes_.resize(bytes_.size() + padded - more.size());
  const auto length = static_cast<std::uint32_t>(bytes_.size());
  std::memcpy(bytes_.data() + offsetof(nlmsghdr, nlmsg_len), &length, sizeof length);
}

void request::put(std::uint16_t type, bytes_view payload) {
  nlattr header{};
  header.nla_len = static_cast<std::uint16_t>(sizeof header + payload.size());
  header.nla_type = type;
  append(bytes_of(header));
  append(payload);
}

void request::put_text(std::uint16_t type, std::string_view text) {
  std::vector<std::uint8_t> with_zero(text.begin(), text.end());
  with_zero.push_back(0);
  put(type, with_zero);
}

std::size_t request::open_nest(std::uint16_t type) {
  const std::size_t at = bytes_.size();
  put(static_cast<std::uint16_t>(type | NLA_F_NESTED), {});
  return at;
}

void request::close_nest(std::size_t opened) {
  const std::size_t size = bytes_.size() - opened;
  assert(size <= std::numeric_limits<std::uint16_t>::max());
  const auto length = static_cast<std::uint16_t>(size);
  std::memcpy(bytes_.data() + opened + offsetof(nlattr, nla_len), &length, sizeof length);
}

void request::set_sequence(std::uint32_t sequence) {
  std::memcpy(bytes_.data() + offsetof(nlmsghdr, nlmsg_seq), &sequence, sizeof sequence);
}

void request::add_flags(std::uint16_t flags) {
  std::uint16_t all = 0;
  std::memcpy(&all, bytes_.data() + offsetof(nlmsghdr, nlmsg_flags), sizeof all);
  all = static_cast<std::uint16_t>(all | flags);
  std::memcpy(bytes_.data() + offsetof(nlmsghdr, nlmsg_flags), &all, sizeof all);
}

std::optional<attribute> attributes::next() {
  if (!sound_ || rest_.empty()) return {};
  const auto header = read<nlattr>(rest_);
  if (!header || header->nla_len < sizeof(nlattr) || header->nla_len > rest_.size()) {
    sound_ = false;
    return {};
  }
  attribute found;
  found.type = header->nla_type & NLA_TYPE_MASK;
  found.payload = rest_.subspan(sizeof(nlattr), header->nla_len - sizeof(nlattr));
  rest_ = rest_after(rest_, header->nla_len);
  return found;
}

std::optional<message> messages::next() {
  if (!sound_ || rest_.empty()) return {};
  const auto header = read<nlmsghdr>(rest_);
  if (!header || header->nlmsg_len < sizeof(nlmsghdr) || header->nlmsg_len > rest_.size()) {
    sound_ = false;
    return {};
  }
  message found;
  found.type = header->nlmsg_type;
  found.flags = header->nlmsg_flags;
  found.sequence = header->nlmsg_seq;
  found.payload = rest_.subspan(sizeof(nlmsghdr), header->nlmsg_len - sizeof(nlmsghdr));
  rest_ = rest_after(rest_, header->nlmsg_len);
  return found;
}

}  // namespace peerage::netlink
