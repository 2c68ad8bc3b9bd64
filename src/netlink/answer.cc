#include "netlink/answer.h"

#include <linux/netlink.h>

#include <system_error>
#include <utility>

namespace peerage::netlink {
namespace {

/// The errno in what the kernel says: 0 or its negative; nothing for what is none (linux/errno.h).
std::optional<int> errno_in(int said) {
  constexpr int most = 4095;
  if (said > 0 || said < -most) return {};
  return -said;
}

/// What an NLMSG_ERROR says, with the kernel's words of NETLINK_EXT_ACK.
std::optional<verdict> verdict_in(const message& from) {
  const auto header = read<nlmsgerr>(from.payload);
  const auto number = header ? errno_in(header->error) : std::nullopt;
  if (!number) return {};
  std::string words;
  if ((from.flags & NLM_F_ACK_TLVS) != 0) {
    std::size_t at = sizeof(nlmsgerr);
    if ((from.flags & NLM_F_CAPPED) == 0 && header->msg.nlmsg_len > sizeof(nlmsghdr)) {
      at += header->msg.nlmsg_len - sizeof(nlmsghdr);
    }
    if (at > from.payload.size()) return {};
    attributes list(from.payload.subspan(at));
    while (const auto found = list.next()) {
      if (found->type != NLMSGERR_ATTR_MSG || found->payload.empty()) continue;
      words.assign(found->payload.begin(), found->payload.end() - 1);
    }
  }
  return verdict_of(*number, words);
}

}  // namespace

verdict verdict_of(int number, const std::string& words) {
  if (number == 0) return {};
  std::string text = std::error_code(number, std::generic_category()).message();
  if (!words.empty()) text += " (" + words.substr(0, words.find_last_not_of(". ") + 1) + ")";
  return {number, std::move(text)};
}

result<std::optional<verdict>> read_answer(bytes_view datagram, std::uint32_t sequence,
                                           const message_taker& take) {
  messages list(datagram);
  while (const auto found = list.next()) {
    if (found->sequence != sequence) continue;
    if (found->type == NLMSG_ERROR) {
      auto answer = verdict_in(*found);
      if (!answer) return fail(errc::corrupt, "the kernel's answer has no errno");
      return answer;
    }
    if (!take) continue;
    if (auto taken = take(*found); !taken) return std::unexpected(taken.error());
  }
  if (!list.sound()) return fail(errc::corrupt, "the kernel's answer is malformed");
  return std::nullopt;
}

result<dump_progress> dump_reader::add(bytes_view datagram, const message_taker& take) {
  messages list(datagram);
  while (const auto found = list.next()) {
    if (found->sequence != sequence_) continue;
    interrupted_ = interrupted_ || (found->flags & NLM_F_DUMP_INTR) != 0;
    if (found->type == NLMSG_DONE) {
      const auto number = errno_in(read<int>(found->payload).value_or(0));
      if (!number) return fail(errc::corrupt, "the kernel's dump ends with an errno that is none");
      return dump_progress{true, interrupted_, lossy_, verdict_of(*number)};
    }
    if (found->type == NLMSG_ERROR) {
      auto answer = verdict_in(*found);
      if (!answer) return fail(errc::corrupt, "the kernel's answer has no errno");
      return dump_progress{true, interrupted_, lossy_, std::move(*answer)};
    }
    if (lossy_) continue;
    if (auto taken = take(*found); !taken) return std::unexpected(taken.error());
  }
  if (!list.sound()) return fail(errc::corrupt, "the kernel's dump is malformed");
  return dump_progress{false, interrupted_, lossy_, {}};
}

dump_progress dump_reader::lose() {
  lossy_ = true;
  return {false, interrupted_, true, {}};
}

}  // namespace peerage::netlink
