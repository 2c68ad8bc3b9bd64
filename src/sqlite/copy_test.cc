#include "sqlite/copy.h"

#include <gmock/gmock.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <fstream>
#include <thread>

#include "sqlite/database.h"
#include "sqlite/store.h"
#include "testing/own_folder.h"
#include "testing/run.h"
#include "testing/samples.h"

namespace peerage::sqlite {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

struct copies : testing::Test {
  fakes::own_folder folder;
  asio::io_context loop;

  std::string file(const std::string& name = "peerage.db") const { return folder.file(name); }
  void commit(store& to, record one) {
    transaction writes{put{std::move(one), anything{}}};
    ASSERT_TRUE(fakes::run_on(loop, to.commit(std::move(writes))));
  }
  std::unique_ptr<store> open() { return open_sqlite_store(loop.get_executor(), file()).value(); }
  void furnish(int peers) {
    const auto made = open();
    commit(*made, fakes::sample_network("acme"));
    commit(*made, fakes::sample_gateway("gw-1"));
    for (int n = 0; n < peers; ++n) {
      commit(*made, fakes::sample_peer("acme", "p" + std::to_string(n), static_cast<unsigned>(n)));
    }
  }
  std::string epoch_now() { return fakes::run_on(loop, open()->identity()).value().id; }
  std::size_t entries() const {
    const fs::directory_iterator begin(folder.path()), end;
    return static_cast<std::size_t>(std::distance(begin, end));
  }
};

TEST_F(copies, of_a_database_that_is_written_meanwhile_are_of_one_moment) {
  furnish(1);
  std::atomic<bool> over = false;
  // Two records in each commit: a copy has both or none.
  std::thread writes([&] {
    asio::io_context own;
    auto busy = open_sqlite_store(own.get_executor(), file()).value();
    for (int n = 0; !over; ++n) {
      transaction both{put{mark{"a", std::to_string(n)}, anything{}},
                       put{mark{"b", std::to_string(n)}, anything{}}};
      (void)fakes::run_on(own, busy->commit(std::move(both)));
    }
  });
  for (int round = 0; round < 20; ++round) {
    const std::string into = file("copy-" + std::to_string(round));
    const auto made = back_up(file(), into);
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_EQ(made->peers, 1U);
    auto opened = open_sqlite_store(loop.get_executor(), into).value();
    const auto a = fakes::run_on(loop, opened->get(mark_name{"a"})).value();
    const auto b = fakes::run_on(loop, opened->get(mark_name{"b"})).value();
    ASSERT_EQ(a.has_value(), b.has_value());
    if (!a) continue;
    EXPECT_EQ(std::get<mark>(a->value).value, std::get<mark>(b->value).value);
  }
  over = true;
  writes.join();
}

TEST_F(copies, are_restored_with_another_epoch_and_what_was_there_is_kept) {
  furnish(2);
  ASSERT_TRUE(back_up(file(), file("copy")));
  const std::string before = epoch_now();
  {
    const auto more = open();
    commit(*more, fakes::sample_peer("acme", "late", 99));
  }
  const auto done = restore(file("copy"), file(), file("aside"));
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(done->peers, 2U);
  EXPECT_NE(epoch_now(), before);
  EXPECT_EQ(examine(file("aside"))->peers, 3U);
  EXPECT_EQ(examine(file())->peers, 2U);
  EXPECT_EQ(restore(file("copy"), file(), file("aside")).error().code, errc::conflict);
  EXPECT_EQ(restore(file(), file(), file("other")).error().code, errc::conflict);
}

TEST_F(copies, that_are_put_back_by_hand_get_another_epoch_at_the_next_start) {
  furnish(2);
  std::string known;
  int older = 0;
  const auto start = [&] {
    sqlite_options options;
    options.last_write = known;
    options.keep_last_write = [&](const std::string& now) { known = now; };
    options.on_older_copy = [&] { ++older; };
    return open_sqlite_store(loop.get_executor(), file(), std::move(options)).value();
  };
  const auto epoch_of = [&](store& of) { return fakes::run_on(loop, of.identity()).value().id; };
  ASSERT_TRUE(back_up(file(), file("copy")));
  const std::string before = epoch_of(*start());
  commit(*start(), fakes::sample_peer("acme", "late", 99));
  EXPECT_EQ(epoch_of(*start()), before) << "a restart alone changes nothing";
  EXPECT_EQ(older, 0);
  for (const char* end : {"", "-wal", "-shm"}) fs::remove(file() + end);
  fs::copy_file(file("copy"), file());
  const std::string after = epoch_of(*start());
  EXPECT_NE(after, before);
  EXPECT_EQ(older, 1);
  EXPECT_EQ(epoch_of(*start()), after) << "once";
  for (const std::string garbage : {"", " ", "x 5", "x", " 99", before.c_str(), "\n\n"}) {
    known = garbage;
    EXPECT_EQ(epoch_of(*start()), after) << garbage;
  }
  known = after + " 18446744073709551616";
  EXPECT_EQ(epoch_of(*start()), after) << "no number";
}

TEST_F(copies, that_were_cut_off_at_the_last_step_are_ended_by_the_next_start) {
  furnish(2);
  ASSERT_TRUE(back_up(file(), file("peerage.db.restored")).error().code == errc::conflict);
  ASSERT_TRUE(back_up(file(), file("copy")));
  {
    const auto more = open();
    commit(*more, fakes::sample_peer("acme", "late", 99));
    fs::copy_file(file("peerage.db-wal"), file("log"));
  }
  fs::rename(file("log"), file("peerage.db-wal"));
  fs::rename(file("copy"), file("peerage.db.restored"));
  ASSERT_TRUE(finish_restoration(file()));
  EXPECT_EQ(examine(file())->peers, 2U);
  EXPECT_FALSE(fs::exists(file("peerage.db-wal")));
  EXPECT_TRUE(finish_restoration(file())) << "there is nothing to do";
}

TEST_F(copies, of_what_is_no_sound_database_are_refused_and_nothing_changes) {
  furnish(2);
  ASSERT_TRUE(back_up(file(), file("copy")));
  const auto refused = [&](const std::string& from) {
    const std::size_t before = entries();
    const auto how = restore(from, file(), file("aside"));
    EXPECT_EQ(entries(), before);
    EXPECT_EQ(examine(file())->peers, 2U);
    return how ? std::string() : how.error().message;
  };
  const auto edited = [&](const std::string& sql) {
    fs::remove(file("edited"));
    fs::copy_file(file("copy"), file("edited"));
    (void)database::open(file("edited")).value()->execute(sql);
    return refused(file("edited"));
  };
  std::ofstream(file("text")) << std::string(8'192, 'x');
  EXPECT_THAT(refused(file("text")), HasSubstr("not a database"));
  EXPECT_THAT(refused(folder.path()), HasSubstr("is no file"));
  EXPECT_THAT(refused(file("nowhere")), HasSubstr("No such file"));
  EXPECT_THAT(edited("PRAGMA application_id = 1"), HasSubstr("no database of Peerage"));
  EXPECT_THAT(edited("PRAGMA user_version = 99"), HasSubstr("schema 99"));
  EXPECT_THAT(edited("CREATE TRIGGER t AFTER UPDATE ON meta BEGIN DELETE FROM peers; END"),
              HasSubstr("not Peerage's: t"));
  EXPECT_THAT(edited("DROP TABLE marks"), HasSubstr("lacks a table"));
  EXPECT_THAT(edited("UPDATE meta SET value = 'x' WHERE name = 'revision'"),
              HasSubstr("lost its revision"));
  // Bytes in the middle of its pages.
  fs::copy_file(file("copy"), file("torn"));
  std::fstream torn(file("torn"), std::ios::in | std::ios::out | std::ios::binary);
  torn.seekp(5'000);
  torn << std::string(12'000, '\x55');
  torn.close();
  EXPECT_NE(refused(file("torn")), "");
}

TEST_F(copies, with_a_record_that_cannot_be_read_are_made_and_name_it) {
  furnish(3);
  ASSERT_TRUE(database::open(file()).value()->execute(
      "UPDATE peers SET public_key = 'short' WHERE name = 'p1'"));
  const auto made = back_up(file(), file("copy"));
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->peers, 3U);
  EXPECT_THAT(made->examples, testing::ElementsAre("peer acme/p1: its public_key can't be read"));
}

}  // namespace
}  // namespace peerage::sqlite
