#include "audit/trail.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <boost/asio/io_context.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "audit/day_files.h"
#include "log/log.h"
#include "testing/own_folder.h"
#include "testing/run.h"

namespace peerage {
namespace {

using fakes::run_on;
namespace fs = std::filesystem;

struct trail_in_a_folder : testing::Test {
  trail_in_a_folder() { log::set_level(log::level::off); }
  ~trail_in_a_folder() override {
    fs::permissions(home.path(), fs::perms::owner_all);
    log::set_level(log::level::info);
  }

  std::unique_ptr<audit_trail> open(std::size_t most_waiting = 1'000) {
    return make_audit_trail(
        loop.get_executor(), now,
        {.folder = folder, .keep = std::chrono::days{2}, .most_waiting = most_waiting});
  }
  audit_entry entry(int n, std::chrono::days later = {}) {
    audit_entry made;
    made.at = now + later;
    made.token = *token_id::parse("t1");
    made.peer = "p" + std::to_string(n);
    made.did = deed::created;
    made.status = 201;
    return made;
  }
  audit_page page(audit_trail& of, std::string from = {}, std::size_t limit = 100) {
    return run_on(loop, of.read(std::move(from), limit)).value();
  }
  static std::vector<std::string> names(const audit_page& of) {
    std::vector<std::string> made;
    for (const auto& each : of.items) made.push_back(each.peer);
    return made;
  }
  std::vector<std::string> files() const {
    std::vector<std::string> made;
    for (const auto& each : fs::directory_iterator(folder)) made.push_back(each.path().filename());
    std::sort(made.begin(), made.end());
    return made;
  }

  asio::io_context loop;
  const wall_time now{std::chrono::sys_days{std::chrono::year{2026} / 2 / 27}};
  fakes::own_folder home;
  fs::path folder = home.path() / "audit";
};

TEST_F(trail_in_a_folder, the_oldest_days_make_room_and_then_entries_are_lost) {
  audit_options small{.folder = folder, .keep = std::chrono::days{90}};
  small.leave_free = 0;
  small.most_bytes = 1'000;
  const auto bounded = make_audit_trail(loop.get_executor(), now, small);
  for (int day = 0; day < 8; ++day) {
    for (int n = 0; n < 3; ++n) bounded->note(entry(n, std::chrono::days{day}));
    page(*bounded);
  }
  std::uintmax_t bytes = 0;
  for (const auto& each : files()) bytes += fs::file_size(folder / each);
  EXPECT_LE(bytes, small.most_bytes);
  EXPECT_LT(files().size(), 8U);
  EXPECT_EQ(files().back(), "2026-03-06.jsonl");
  EXPECT_EQ(bounded->lost(), 0U);
  for (int n = 0; n < 100; ++n) {
    bounded->note(entry(n, std::chrono::days{7}));
    page(*bounded);
  }
  EXPECT_EQ(files().size(), 1U) << "today's is never removed";
  EXPECT_LE(fs::file_size(folder / files().front()), small.most_bytes);
  EXPECT_GT(bounded->lost(), 0U);
  bounded->note(entry(1, std::chrono::days{8}));
  EXPECT_EQ(names(page(*bounded)).front(), "p1") << "the next day has room again";
  EXPECT_EQ(files(), std::vector<std::string>{"2026-03-07.jsonl"});
}

TEST_F(trail_in_a_folder, a_nearly_full_disk_is_left_to_the_store) {
  fs::create_directory(folder);
  audit_options careful{.folder = folder};
  careful.leave_free = std::uint64_t{1} << 62U;
  const auto bounded = make_audit_trail(loop.get_executor(), now, careful);
  bounded->note(entry(1));
  EXPECT_TRUE(page(*bounded).items.empty());
  EXPECT_EQ(bounded->lost(), 1U);
  EXPECT_TRUE(files().empty());
}

TEST_F(trail_in_a_folder, gives_back_what_was_noted_the_newest_first) {
  {
    const auto first = open();
    EXPECT_EQ(names(page(*first)), std::vector<std::string>{});
    first->note(entry(1));
    first->note(entry(2));
    EXPECT_EQ(page(*first).items.front(), entry(2));
    EXPECT_THAT(names(page(*first)), testing::ElementsAre("p2", "p1"));
    first->note(entry(3));
  }
  const auto second = open();
  second->note(entry(4));
  EXPECT_THAT(names(page(*second)), testing::ElementsAre("p4", "p3", "p2", "p1"));
  struct stat seen{};
  ASSERT_EQ(::stat((folder / files().at(0)).c_str(), &seen), 0);
  EXPECT_EQ(seen.st_mode & 0777, 0600U);
  ASSERT_EQ(::stat(folder.c_str(), &seen), 0);
  EXPECT_EQ(seen.st_mode & 0777, 0700U);
}

TEST_F(trail_in_a_folder, pages_go_through_all_days_once) {
  const auto one = open();
  // Long enough for several pieces of a file.
  for (int n = 0; n < 900; ++n) {
    audit_entry made = entry(n, std::chrono::days{n / 450});
    made.remote = std::string(static_cast<std::size_t>(n % 97) * 5, 'x');
    one->note(std::move(made));
  }
  std::vector<std::string> all;
  std::size_t pages = 0;
  std::string from;
  do {
    const audit_page got = page(*one, from, 7);
    for (const auto& name : names(got)) all.push_back(name);
    from = got.next.value_or("");
    ++pages;
  } while (!from.empty());
  ASSERT_EQ(all.size(), 900U);
  for (int n = 0; n < 900; ++n)
    EXPECT_EQ(all[899U - static_cast<std::size_t>(n)], "p" + std::to_string(n));
  EXPECT_EQ(pages, 129U) << "900 of 7 each, and no empty page at the end";
  EXPECT_EQ(files().size(), 2U);
}

TEST_F(trail_in_a_folder, keeps_so_many_days) {
  const auto one = open();
  for (int day = 0; day < 5; ++day) one->note(entry(day, std::chrono::days{day}));
  EXPECT_THAT(names(page(*one)), testing::ElementsAre("p4", "p3", "p2"));
  EXPECT_EQ(files().size(), 3U);
  std::ofstream(folder / "notes.txt") << "somebody's own";
  std::ofstream(folder / "2001-01-01.jsonl") << "";
  const auto another = open();
  page(*another);
  EXPECT_EQ(files().size(), 4U) << "at the start too, and of its own files alone";
}

TEST_F(trail_in_a_folder, a_line_that_a_crash_cut_off_is_passed_over) {
  { open()->note(entry(1)); }
  const fs::path file = folder / files().at(0);
  std::ofstream(file, std::ios::app) << R"({"at":"2023-11-)";
  const auto one = open();
  one->note(entry(2));
  EXPECT_THAT(names(page(*one)), testing::ElementsAre("p2", "p1"));
}

TEST_F(trail_in_a_folder, a_place_that_no_page_gave_is_refused) {
  const auto one = open();
  one->note(entry(1));
  for (const char* odd :
       {"x", "2026-11-28", "2026-11-28:", "2026-11-28:x", "2026-11-28:-1", "2026-1128x:1",
        "../../../etc/passwd:1", "2026-11-28:99999999999999999999"}) {
    const auto got = run_on(loop, one->read(odd, 10));
    ASSERT_FALSE(got) << odd;
    EXPECT_EQ(got.error().code, errc::invalid);
    EXPECT_EQ(got.error().field, "cursor");
  }
  EXPECT_TRUE(page(*one, "1999-01-01:5").items.empty());
  EXPECT_EQ(page(*one, "2999-01-01:5").items.size(), 1U);
  EXPECT_EQ(page(*one, audit::day_of(now) + ":999999999").items.size(), 1U);
}

TEST_F(trail_in_a_folder, what_can_not_be_written_is_counted_and_the_next_is_written) {
  const auto one = open();
  std::ofstream(folder.string()) << "a file where the folder should be";
  one->note(entry(1));
  page(*one);
  EXPECT_EQ(one->lost(), 1U);
  fs::remove(folder);
  one->note(entry(2));
  EXPECT_THAT(names(page(*one)), testing::ElementsAre("p2"));
  EXPECT_EQ(one->lost(), 1U);
}

TEST_F(trail_in_a_folder, more_than_may_wait_is_lost_and_counted) {
  const auto none = open(0);
  for (int n = 0; n < 3; ++n) none->note(entry(n));
  EXPECT_EQ(none->lost(), 3U);
  EXPECT_TRUE(page(*none).items.empty());
}

}  // namespace
}  // namespace peerage
