#include "netlink/answer.h"

#include <gtest/gtest.h>
#include <linux/netlink.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <limits>
#include <vector>

namespace peerage::netlink {
namespace {

using datagram = std::vector<std::uint8_t>;

constexpr std::uint16_t item = 0x40;
constexpr std::uint32_t ours = 5;

datagram reply(std::uint16_t type, std::uint16_t flags, std::uint32_t sequence,
               bytes_view payload) {
  request out(type, flags, payload);
  out.set_sequence(sequence);
  return {out.bytes().begin(), out.bytes().end()};
}

datagram one_item(std::uint16_t flags = 0, std::uint32_t sequence = ours) {
  return reply(item, flags, sequence, bytes_of(std::uint32_t{1}));
}

datagram done(std::uint16_t flags = 0, int number = 0) {
  return reply(NLMSG_DONE, flags, ours, bytes_of(number));
}

datagram acknowledgement(int number, std::uint32_t sequence = ours) {
  nlmsgerr said{};
  said.error = number;
  return reply(NLMSG_ERROR, NLM_F_CAPPED, sequence, bytes_of(said));
}

datagram operator+(datagram first, const datagram& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

struct counter {
  int count = 0;
  message_taker take = [this](const message&) -> result<> {
    ++count;
    return {};
  };
};

TEST(dump_reader, is_finished_by_its_last_message_and_not_before) {
  counter items;
  dump_reader reader(ours);
  auto part = reader.add(one_item() + one_item(), items.take);
  ASSERT_TRUE(part);
  EXPECT_FALSE(part->finished);
  part = reader.add(one_item() + done(), items.take);
  ASSERT_TRUE(part);
  EXPECT_TRUE(part->finished);
  EXPECT_FALSE(part->interrupted);
  EXPECT_TRUE(part->answer.done());
  EXPECT_EQ(items.count, 3);
}

TEST(dump_reader, an_interruption_anywhere_spoils_the_whole) {
  for (const bool at_the_end : {false, true}) {
    counter items;
    dump_reader reader(ours);
    ASSERT_TRUE(reader.add(one_item(at_the_end ? 0 : NLM_F_DUMP_INTR), items.take));
    ASSERT_TRUE(reader.add(one_item(), items.take));
    const auto part = reader.add(done(at_the_end ? NLM_F_DUMP_INTR : 0), items.take);
    ASSERT_TRUE(part);
    EXPECT_TRUE(part->finished);
    EXPECT_TRUE(part->interrupted) << "at the end: " << at_the_end;
    // Told all the same, for whoever knows what changed.
    EXPECT_EQ(items.count, 2);
  }
}

TEST(dump_reader, a_lost_datagram_spoils_the_whole) {
  counter items;
  dump_reader reader(ours);
  ASSERT_TRUE(reader.add(one_item(), items.take));
  EXPECT_TRUE(reader.lose().lossy);
  EXPECT_TRUE(reader.add(done(), items.take)->lossy);
}

TEST(dump_reader, an_earlier_request_is_passed_over) {
  counter items;
  dump_reader reader(ours);
  const auto part = reader.add(one_item(NLM_F_DUMP_INTR, ours - 1) +
                                   reply(NLMSG_DONE, 0, ours - 1, bytes_of(0)) + one_item(),
                               items.take);
  ASSERT_TRUE(part);
  EXPECT_FALSE(part->finished);
  EXPECT_FALSE(part->interrupted);
  EXPECT_EQ(items.count, 1);
}

TEST(dump_reader, an_error_is_the_kernels_verdict) {
  counter items;
  EXPECT_EQ(dump_reader(ours).add(done(0, -ENODEV), items.take)->answer.number, ENODEV);
  EXPECT_EQ(dump_reader(ours).add(acknowledgement(-EPERM), items.take)->answer.number, EPERM);
}

TEST(answers, are_of_the_request_that_was_asked) {
  EXPECT_FALSE(read_answer(acknowledgement(0, ours - 1), ours, {}).value());
  const auto answer = read_answer(acknowledgement(-EPERM, ours - 1) + acknowledgement(0), ours, {});
  ASSERT_TRUE(answer && *answer);
  EXPECT_TRUE((**answer).done());
}

TEST(answers, hold_the_kernels_own_words) {
  nlmsgerr said{};
  said.error = -EOPNOTSUPP;
  request out(NLMSG_ERROR, NLM_F_CAPPED | NLM_F_ACK_TLVS, bytes_of(said));
  out.put_text(NLMSGERR_ATTR_MSG, "Unknown device type.");
  out.set_sequence(ours);
  const auto answer = read_answer(out.bytes(), ours, {});
  ASSERT_TRUE(answer && *answer);
  EXPECT_EQ((**answer).text, "Operation not supported (Unknown device type)");
}

TEST(answers, shortened_ones_are_corrupt) {
  const datagram whole = acknowledgement(-EPERM);
  for (std::size_t size = 1; size < whole.size(); ++size) {
    const auto answer = read_answer(bytes_view(whole).first(size), ours, {});
    ASSERT_FALSE(answer) << size;
    EXPECT_EQ(answer.error().code, errc::corrupt);
  }
  const datagram empty = reply(NLMSG_ERROR, 0, ours, {});
  EXPECT_FALSE(read_answer(empty, ours, {}));
}

TEST(answers, with_a_number_that_is_no_errno_are_corrupt) {
  for (const int number : {1, -4096, std::numeric_limits<int>::min()}) {
    const auto answer = read_answer(acknowledgement(number), ours, {});
    ASSERT_FALSE(answer) << number;
    EXPECT_EQ(answer.error().code, errc::corrupt);
    counter items;
    EXPECT_FALSE(dump_reader(ours).add(done(0, number), items.take)) << number;
    EXPECT_FALSE(dump_reader(ours).add(acknowledgement(number), items.take)) << number;
  }
}

/// An error that repeats the request, as the kernel does where it is not asked to cap it.
datagram refusal(std::uint32_t repeated, std::uint16_t flags, const std::vector<attribute>& more) {
  nlmsgerr said{};
  said.error = -ENODEV;
  said.msg.nlmsg_len = static_cast<std::uint32_t>(sizeof(nlmsghdr)) + repeated;
  request out(NLMSG_ERROR, flags, bytes_of(said));
  for (std::uint32_t i = 0; i < repeated; i += 4) out.put(0, {});
  for (const attribute& each : more) out.put(each.type, each.payload);
  out.set_sequence(ours);
  return {out.bytes().begin(), out.bytes().end()};
}

TEST(answers, hold_words_behind_the_request_that_they_repeat) {
  const std::vector<std::uint8_t> words{'n', 'o', '.', 0};
  const auto answer = read_answer(
      refusal(8, NLM_F_ACK_TLVS,
              {{NLMSGERR_ATTR_OFFS, words}, {NLMSGERR_ATTR_MSG, {}}, {NLMSGERR_ATTR_MSG, words}}),
      ours, {});
  ASSERT_TRUE(answer && *answer);
  EXPECT_EQ((**answer).text, "No such device (no)");
  const auto without = read_answer(refusal(0, NLM_F_ACK_TLVS, {}), ours, {});
  ASSERT_TRUE(without && *without);
  EXPECT_EQ((**without).text, "No such device");
}

TEST(answers, that_repeat_more_than_they_hold_are_corrupt) {
  datagram bytes = refusal(8, NLM_F_ACK_TLVS, {});
  const std::uint32_t length = 1'000;
  std::memcpy(bytes.data() + sizeof(nlmsghdr) + offsetof(nlmsgerr, msg), &length, sizeof length);
  EXPECT_FALSE(read_answer(bytes, ours, {}));
}

TEST(answers, hand_over_what_comes_before_the_acknowledgement) {
  counter items;
  const auto both = read_answer(one_item() + acknowledgement(0), ours, items.take);
  ASSERT_TRUE(both && *both);
  EXPECT_EQ(items.count, 1);
  EXPECT_TRUE(read_answer(one_item(), ours, {})) << "nobody wants it";
  const auto refuse = [](const message&) -> result<> { return fail(errc::corrupt, "no"); };
  EXPECT_FALSE(read_answer(one_item(), ours, refuse));
  EXPECT_FALSE(dump_reader(ours).add(one_item(), refuse));
}

TEST(dump_reader, takes_nothing_more_once_some_was_lost) {
  counter items;
  dump_reader reader(ours);
  reader.lose();
  ASSERT_TRUE(reader.add(one_item(), items.take));
  EXPECT_EQ(items.count, 0);
  EXPECT_TRUE(reader.add(done(), items.take)->lossy);
}

TEST(dump_reader, refuses_a_datagram_that_is_cut_off) {
  counter items;
  datagram cut = one_item();
  cut.pop_back();
  EXPECT_FALSE(dump_reader(ours).add(cut, items.take));
}

}  // namespace
}  // namespace peerage::netlink
