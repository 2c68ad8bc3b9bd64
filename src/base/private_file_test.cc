#include "base/private_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace peerage {
namespace {

namespace fs = std::filesystem;

class private_file : public testing::Test {
 protected:
  private_file() {
    std::string name = (fs::temp_directory_path() / "peerage-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~private_file() override { fs::remove_all(folder_); }

  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  void put(const std::string& name, const std::string& text, mode_t mode) const {
    std::ofstream(path(name)) << text;
    EXPECT_EQ(::chmod(path(name).c_str(), mode), 0);
  }
  static std::string message(const result<secret_text>& from) {
    return from ? std::string(from->reveal()) : from.error().message;
  }

  std::string folder_;
};

TEST_F(private_file, is_what_was_written_last_and_its_owners_alone) {
  put("key.new", "left of an earlier write", 0666);
  ASSERT_TRUE(write_private_file(path("key"), "one\n"));
  ASSERT_TRUE(write_private_file(path("key"), "two\n"));
  EXPECT_EQ(message(read_private_file(path("key"))), "two");
  struct stat found{};
  ASSERT_EQ(::stat(path("key").c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 07777U, 0600U);
  EXPECT_FALSE(fs::exists(path("key.new")));
}

TEST_F(private_file, never_follows_a_link_in_its_place) {
  put("victim", "precious", 0600);
  fs::create_symlink(path("victim"), path("key"));
  const auto written = write_private_file(path("key"), "x");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().message,
            path("key") + " is a symbolic link, and is not followed; remove it");
  EXPECT_EQ(read_private_file(path("key")).error().code, errc::denied);
  EXPECT_EQ(message(read_secret_file(path("key"))), "precious") << "the config may name a link";
  fs::create_symlink(path("victim"), path("other.new"));
  ASSERT_TRUE(write_private_file(path("other"), "x"));
  EXPECT_EQ(message(read_private_file(path("victim"))), "precious");
  EXPECT_EQ(message(read_private_file(path("other"))), "x");
}

TEST_F(private_file, that_others_reach_is_refused_with_what_mends_it) {
  for (const mode_t wide : {0644U, 0604U, 0602U, 0601U, 0620U, 0660U}) {
    put("key", "secret", wide);
    EXPECT_NE(message(read_private_file(path("key"))).find("chmod 600 " + path("key")),
              std::string::npos)
        << wide;
  }
  for (const mode_t fit : {0600U, 0400U, 0640U, 0440U}) {
    put("key", "secret", fit);
    EXPECT_EQ(message(read_private_file(path("key"))), "secret") << fit;
  }
  EXPECT_EQ(read_private_file(path("none")).error().code, errc::not_found);
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  EXPECT_EQ(message(read_private_file(path("pipe"))), path("pipe") + " is no file");
  EXPECT_FALSE(read_private_file(folder_));
}

}  // namespace
}  // namespace peerage
