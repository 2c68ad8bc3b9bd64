#include "consul/rings.h"

#include <gtest/gtest.h>

#include "consul/keys.h"

namespace peerage::consul {
namespace {

const std::string folder = "p/rings/gw-1/";
const wall_time now{seconds{1'000'000}};

entry ring_entry(const std::string& api, std::uint64_t sequence, std::vector<std::string> changes,
                 std::uint64_t index = 10, const std::string& epoch = "e") {
  ring made;
  made.sequence = sequence;
  for (auto& each : changes) made.changes.push_back({each, now});
  return {folder + api, write_ring(made, epoch, now), 0, index};
}

place_in_rings place(std::map<std::string, std::uint64_t> known) {
  return {"e", 5, std::move(known), {}};
}

using keys_told = std::set<std::string>;

TEST(ring, tells_what_is_young_and_not_too_much) {
  ring one;
  append(one, {"a", "b"}, now);
  append(one, {"c"}, now + seconds{1});
  EXPECT_EQ(one.sequence, 3U);
  EXPECT_EQ(one.changes.size(), 3U);
  append(one, {"d"}, now + milliseconds{2'500});
  EXPECT_EQ(one.sequence, 4U);
  ASSERT_EQ(one.changes.size(), 2U) << "what is older than 2 s is dropped";
  EXPECT_EQ(one.changes.front().key, "c");
  for (int i = 0; i < 600; ++i) append(one, {"k" + std::to_string(i)}, now + seconds{3});
  EXPECT_EQ(one.changes.size(), 512U);
  EXPECT_EQ(one.sequence, 604U);
  append(one, {"z"}, now + milliseconds{3'101});
  EXPECT_EQ(one.changes.size(), 32U) << "a few are kept when they are older than 100 ms";
  EXPECT_EQ(one.changes.back().key, "z");
  EXPECT_EQ(one.sequence, 605U);
}

TEST(ring, comes_back_as_it_was_written) {
  ring one;
  append(one, {"a", "b"}, now);
  const auto read = read_ring(write_ring(one, "epoch", now));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->sequence, 2U);
  EXPECT_EQ(read->changes, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(read->epoch, "epoch");
  EXPECT_EQ(read->written_at, now);
}

TEST(ring, that_is_none_is_not_read) {
  const std::string good = R"({"sequence": 1, "epoch": "e", )"
                           R"("written_at": "2026-01-01T00:00:00.000Z", "changes": ["a"]})";
  const auto with = [&](std::string_view part, std::string_view other) {
    std::string text = good;
    return text.replace(text.find(part), part.size(), other);
  };
  ASSERT_TRUE(read_ring(good));
  for (const std::string& text :
       {std::string(), std::string("x"), std::string("[]"), std::string("{}"), with("1, ", "-1, "),
        with("1, ", "0, "), with("2026-01-01T00:00:00.000Z", "yesterday"), with("\"e\"", "7"),
        with("\"a\"", "7"), with("[\"a\"]", "7"), with(R"(, "changes": ["a"])", "")}) {
    EXPECT_FALSE(read_ring(text)) << text;
  }
}

TEST(ring, of_more_changes_than_any_writer_keeps_is_not_read) {
  ring large{5'000, {}};
  for (int i = 0; i < 1'000; ++i) large.changes.push_back({"k", now});
  EXPECT_TRUE(read_ring(write_ring(large, "e", now)));
  large.changes.push_back({"k", now});
  EXPECT_FALSE(read_ring(write_ring(large, "e", now)));
}

TEST(place, comes_back_as_it_was_written) {
  place_in_rings one{"e", 7, {{"api-1", 3}, {"api-2", 9}}, {{"odd", 4}}};
  const auto read = read_place(write_place(one));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->epoch, "e");
  EXPECT_EQ(read->index, 7U);
  EXPECT_EQ(read->known, one.known);
  EXPECT_EQ(read->garbage, one.garbage);
  for (const std::string text :
       {"", "7", "{}", R"({"epoch": "e", "index": 1})", R"({"epoch": "e", "index": "1"})",
        R"({"epoch": "e", "index": 1, "known": [], "garbage": {}})",
        R"({"epoch": "e", "index": 1, "known": {"a": -1}, "garbage": {}})",
        R"({"epoch": "e", "index": 1, "known": {}, "garbage": []})"}) {
    EXPECT_FALSE(read_place(text)) << text;
  }
}

TEST(news, are_what_came_behind_the_place) {
  const auto news = news_in({ring_entry("a", 5, {"k3", "k4", "k5"}), ring_entry("b", 2, {"m2"})},
                            folder, 12, place({{"a", 3}, {"b", 2}}));
  EXPECT_FALSE(news.gap);
  EXPECT_FALSE(news.other_epoch);
  EXPECT_EQ(news.changes, (keys_told{"k4", "k5"}));
  EXPECT_EQ(news.recorded, 2U);
  EXPECT_EQ(news.next.index, 12U);
  EXPECT_EQ(news.next.known, (std::map<std::string, std::uint64_t>{{"a", 5}, {"b", 2}}));
}

TEST(news, of_a_new_ring_are_whole_where_it_tells_all) {
  EXPECT_EQ(news_in({ring_entry("a", 2, {"k1", "k2"})}, folder, 1, place({})).changes,
            (keys_told{"k1", "k2"}));
  EXPECT_TRUE(news_in({ring_entry("a", 3, {"k2", "k3"})}, folder, 1, place({})).gap);
}

TEST(news, that_are_lost_are_a_gap) {
  const auto fell_behind =
      news_in({ring_entry("a", 9, {"k8", "k9"})}, folder, 1, place({{"a", 3}}));
  EXPECT_TRUE(fell_behind.gap);
  EXPECT_EQ(fell_behind.recorded, 6U) << "it still counts them";
  EXPECT_TRUE(news_in({}, folder, 1, place({{"a", 3}})).gap) << "its ring is gone";
  const auto backwards = news_in({ring_entry("a", 2, {"k2"})}, folder, 1, place({{"a", 3}}));
  EXPECT_TRUE(backwards.gap);
  EXPECT_EQ(backwards.recorded, 0U);
}

TEST(news, of_garbage_are_a_gap_once) {
  const entry odd{folder + "odd", "no ring", 0, 8};
  const auto first = news_in({odd}, folder, 9, place({}));
  EXPECT_TRUE(first.gap);
  EXPECT_EQ(first.garbage, std::vector<std::string>{folder + "odd"});
  const auto again = news_in({odd}, folder, 10, first.next);
  EXPECT_FALSE(again.gap) << "the same garbage tells nothing new";
  EXPECT_TRUE(again.garbage.empty());
  const entry other{folder + "odd", "still no ring", 0, 11};
  EXPECT_TRUE(news_in({other}, folder, 12, again.next).gap);
}

// A gateway that is removed takes its rings with it: one that was garbage may have told more
// before.
TEST(news, of_what_was_garbage_and_is_gone_or_readable_are_a_gap) {
  const entry odd{folder + "odd", "no ring", 0, 8};
  const auto seen = news_in({odd}, folder, 9, place({}));
  const auto gone = news_in({}, folder, 10, seen.next);
  EXPECT_TRUE(gone.gap);
  EXPECT_FALSE(news_in({}, folder, 11, gone.next).gap);
  const auto begun_anew = news_in({ring_entry("odd", 1, {"k"})}, folder, 12, seen.next);
  EXPECT_TRUE(begun_anew.gap) << "one that begins anew tells but a part";
  EXPECT_FALSE(news_in({ring_entry("odd", 2, {"k", "l"})}, folder, 13, begun_anew.next).gap);
}

TEST(news, know_another_epoch_and_pass_over_what_is_no_ring) {
  EXPECT_TRUE(news_in({ring_entry("a", 1, {"k"}, 10, "new"), ring_entry("b", 1, {"k"})}, folder, 1,
                      place({}))
                  .other_epoch);
  EXPECT_FALSE(news_in({{folder, "", 0, 3}}, folder, 4, place({})).gap) << "the folder itself";
  const entry owner{folder + "~owner", "{}", 0, 3};
  const auto news = news_in({owner}, folder, 4, place({}));
  EXPECT_FALSE(news.gap);
  EXPECT_TRUE(news.next.known.empty());
}

}  // namespace
}  // namespace peerage::consul
