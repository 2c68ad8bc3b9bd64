// A host whose disk is full: reads and removals go on, and creations say why they don't.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>

#include "tests/live/daemon.h"
#include "tests/live/wireguard.h"

namespace peerage::live {
namespace {

const std::string peers = "/v1/networks/acme/peers";

/// A small disk of its own at a folder.
class small_disk {
 public:
  explicit small_disk(std::string folder) : folder_(std::move(folder)) {
    std::filesystem::create_directory(folder_);
    if (::mount("tmpfs", folder_.c_str(), "tmpfs", 0, "size=32m,mode=0700") != 0) {
      throw std::runtime_error("can't mount a tmpfs at " + folder_);
    }
  }
  ~small_disk() { ::umount2(folder_.c_str(), MNT_DETACH); }
  small_disk(const small_disk&) = delete;
  small_disk& operator=(const small_disk&) = delete;

  /// To the last byte.
  void fill() const {
    const int file = ::open(filler().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    const std::string bytes(4'096, 'x');
    while (::write(file, bytes.data(), bytes.size()) > 0) {}
    ::close(file);
  }
  void free() const { std::filesystem::remove(filler()); }

 private:
  std::string filler() const { return folder_ + "/filler"; }
  std::string folder_;
};

struct disk : testing::Test {
  disk() : space(daemon.state_dir()) {}

  int create(const std::string& name) {
    return daemon.admin().enrol("acme", name, new_public_key()).status;
  }
  int remove(const std::string& name) {
    return daemon.admin().call("DELETE", peers + "/" + name).status;
  }
  /// Until a creation is refused: the log of the database may have some room left.
  answer refused_creation() {
    for (int i = 0; i < 3'000; ++i) {
      const auto said =
          daemon.admin().enrol("acme", "more-" + std::to_string(++more_), new_public_key());
      if (said.status != 201) return said;
    }
    return {};
  }
  void expect_refused_for_the_disk() {
    const answer refused = refused_creation();
    EXPECT_EQ(refused.status, 503) << refused.text;
    EXPECT_NE(refused.text.find("disk is full"), std::string::npos) << refused.text;
    EXPECT_EQ(refused.text.find(daemon.state_dir()), std::string::npos) << refused.text;
  }

  daemon_under_test daemon;
  small_disk space;

 private:
  int more_ = 0;
};

TEST_F(disk, full_while_the_daemon_runs_or_starts_leaves_reads_and_removals) {
  daemon.settle();
  daemon.admin().make_network("acme");
  for (const char* name : {"a", "b", "c"}) ASSERT_EQ(create(name), 201);
  const std::string reserve = daemon.state_dir() + "/peerage.db-reserve";
  EXPECT_EQ(std::filesystem::file_size(reserve), 8'000'000U);

  space.fill();
  expect_refused_for_the_disk();
  daemon.await_log("the disk of the store is full");
  EXPECT_EQ(daemon.admin().call("GET", peers).status, 200);
  EXPECT_EQ(remove("a"), 204);
  EXPECT_EQ(create("d"), 503);
  const answer ready = daemon.admin().call("GET", "/readyz");
  EXPECT_EQ(ready.word("status"), "degraded");
  EXPECT_NE(ready.text.find("disk: that of the store is full"), std::string::npos) << ready.text;
  EXPECT_EQ(ready.text.find(daemon.state_dir()), std::string::npos) << ready.text;
  EXPECT_EQ(daemon.admin().call("PUT", peers + "/b", json::object{{"ttl_s", 3'600}}).status, 200);

  // Somebody takes what was given up, too.
  EXPECT_EQ(daemon.stop(), 0);
  space.fill();
  daemon.settle();
  EXPECT_EQ(daemon.admin().call("GET", peers + "/b").word("state"), "live");
  EXPECT_EQ(remove("b"), 204);
  expect_refused_for_the_disk();
  daemon.kill();
  space.fill();
  daemon.settle();
  EXPECT_EQ(remove("c"), 204);

  space.free();
  EXPECT_TRUE(eventually(5s, [&] { return create("e") == 201; })) << "without a restart";
  daemon.await_log("the disk of the store has space again");
  EXPECT_EQ(std::filesystem::file_size(reserve), 8'000'000U);
  EXPECT_EQ(daemon.stop(), 0);
}

TEST_F(disk, full_is_found_by_the_command_before_a_peer_is_enrolled_for_its_file) {
  daemon_under_test elsewhere;
  elsewhere.start();
  elsewhere.admin().make_network("acme");
  space.fill();
  for (const std::vector<std::string>& into :
       {std::vector<std::string>{"--file", daemon.state_dir() + "/p.conf"},
        {"--qr-file", daemon.state_dir() + "/p.png"}}) {
    std::vector<std::string> words{"create", "p"};
    words.insert(words.end(), into.begin(), into.end());
    const finished ended = run(elsewhere.peerage(words));
    EXPECT_EQ(ended.status, 1) << ended.out;
    EXPECT_NE(ended.err.find("nothing was enrolled"), std::string::npos) << ended.err;
  }
  EXPECT_TRUE(elsewhere.admin().peers_of("acme").empty());
}

TEST_F(disk, full_at_the_first_start_promises_no_removals) {
  space.fill();
  const finished end = run(daemon.command(), 5s);
  EXPECT_NE(end.status, 0);
  EXPECT_EQ(end.err.find("removals still work"), std::string::npos) << end.err;
  EXPECT_NE(end.err.find("No space left on device"), std::string::npos) << end.err;
  const finished looked = run(daemon.command({"--check"}));
  EXPECT_EQ(looked.status, 1);
  EXPECT_NE(looked.out.find("disk"), std::string::npos) << looked.out;
}

}  // namespace
}  // namespace peerage::live
