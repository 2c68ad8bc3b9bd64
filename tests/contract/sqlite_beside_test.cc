// The database of a daemon beside other programs that open it: nothing that was committed is lost,
// whatever they do to it between two commits, and a kill afterwards.
#include <gtest/gtest.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <functional>

#include "sqlite/store.h"
#include "testing/own_folder.h"
#include "testing/run.h"
#include "testing/samples.h"

namespace peerage::contract {
namespace {

using fakes::run_on;
using fakes::sample_gateway;
using fakes::sample_network;
using fakes::sample_peer;

bool add(asio::io_context& loop, store& to, record value) {
  transaction writes{put{std::move(value), absent{}}};
  return run_on(loop, to.commit(std::move(writes))).has_value();
}

/// The daemon: commits, waits for a byte, commits again, writes a byte, and waits to be killed.
[[noreturn]] void run_daemon(const std::string& file, int from, int to) {
  asio::io_context loop;
  auto opened = open_sqlite_store(loop.get_executor(), file);
  bool good = opened && add(loop, **opened, sample_network("acme")) &&
              add(loop, **opened, sample_gateway("gw-1")) &&
              add(loop, **opened, sample_peer("acme", "before", 1));
  char byte = good ? 'y' : 'n';
  if (::write(to, &byte, 1) != 1 || ::read(from, &byte, 1) != 1) ::_exit(1);
  for (std::uint32_t n = 2; n < 50 && good; ++n) {
    good = add(loop, **opened, sample_peer("acme", "after-" + std::to_string(n), n));
  }
  byte = good ? 'y' : 'n';
  if (::write(to, &byte, 1) != 1) ::_exit(1);
  for (;;) ::pause();
}

/// Another program, in a process of its own.
int run_beside(const std::function<int()>& program) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(program());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int execute(const std::string& file, const char* sql) {
  sqlite3* db = nullptr;
  int how = sqlite3_open(file.c_str(), &db);
  sqlite3_busy_timeout(db, 5'000);
  if (how == SQLITE_OK) how = sqlite3_exec(db, sql, nullptr, nullptr, nullptr);
  sqlite3_close(db);
  return how;
}

struct beside : testing::TestWithParam<const char*> {};

TEST_P(beside, what_was_committed_afterwards_survives_a_kill) {
  const fakes::own_folder folder;
  const std::string file = folder.file("peerage.db");
  int there[2], back[2];
  ASSERT_EQ(::pipe(there), 0);
  ASSERT_EQ(::pipe(back), 0);
  const pid_t daemon = ::fork();
  if (daemon == 0) run_daemon(file, there[0], back[1]);
  char byte = 'n';
  ASSERT_EQ(::read(back[0], &byte, 1), 1);
  ASSERT_EQ(byte, 'y');
  const int how = run_beside([&] {
    if (std::string_view(GetParam()) != "our own tools") return execute(file, GetParam());
    asio::io_context loop;
    return open_sqlite_store(loop.get_executor(), file) ? 0 : 1;
  });
  EXPECT_EQ(how, 0);
  ASSERT_EQ(::write(there[1], &byte, 1), 1);
  ASSERT_EQ(::read(back[0], &byte, 1), 1);
  EXPECT_EQ(byte, 'y') << "the daemon goes on";
  ::kill(daemon, SIGKILL);
  ::waitpid(daemon, nullptr, 0);
  for (const int each : {there[0], there[1], back[0], back[1]}) ::close(each);

  asio::io_context loop;
  const auto opened = open_sqlite_store(loop.get_executor(), file);
  ASSERT_TRUE(opened) << opened.error().message;
  page_query query{peers_of_network{*network_name::parse("acme")}, {}, 100};
  EXPECT_EQ(run_on(loop, (*opened)->list(query)).value().items.size(), 49U);
}

INSTANTIATE_TEST_SUITE_P(programs, beside,
                         testing::Values("our own tools", "SELECT count(*) FROM meta",
                                         "PRAGMA wal_checkpoint(TRUNCATE)", "VACUUM",
                                         "PRAGMA integrity_check"));

}  // namespace
}  // namespace peerage::contract
