#include "cli/file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "testing/own_folder.h"

namespace peerage::cli {
namespace {

using testing::HasSubstr;

class file : public testing::Test {
 protected:
  std::string in_folder(const std::string& name) const { return folder_ + "/" + name; }
  std::size_t entries() const {
    const std::filesystem::directory_iterator begin(folder_), end;
    return static_cast<std::size_t>(std::distance(begin, end));
  }
  static std::string text_at(const std::string& path) { return read_file(path, 4096).value(); }
  static unsigned mode_at(const std::string& path) {
    struct stat found{};
    EXPECT_EQ(::stat(path.c_str(), &found), 0);
    return found.st_mode & 07777U;
  }

  fakes::own_folder own_;
  std::string folder_ = own_.path();
};

TEST_F(file, is_written_whole_and_private_whatever_the_umask) {
  const mode_t before = ::umask(0);
  {
    auto made = private_file::prepare(in_folder("wg0.conf"), false);
    ASSERT_TRUE(made.has_value());
    ASSERT_TRUE(made->keep("text\n").has_value());
  }
  ::umask(0777);
  {
    auto made = private_file::prepare(in_folder("wg1.conf"), false);
    ASSERT_TRUE(made.has_value());
    ASSERT_TRUE(made->keep("other\n").has_value());
  }
  ::umask(before);
  EXPECT_EQ(text_at(in_folder("wg0.conf")), "text\n");
  EXPECT_EQ(mode_at(in_folder("wg0.conf")), 0600U);
  EXPECT_EQ(mode_at(in_folder("wg1.conf")), 0600U);
  EXPECT_EQ(entries(), 2U) << "no temporary file is left";
}

TEST_F(file, one_that_is_there_stays_without_force) {
  std::ofstream(in_folder("wg0.conf")) << "mine";
  const auto refused = private_file::prepare(in_folder("wg0.conf"), false);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, errc::conflict);
  EXPECT_THAT(refused.error().message, HasSubstr("--force"));
  EXPECT_EQ(text_at(in_folder("wg0.conf")), "mine");
  EXPECT_EQ(entries(), 1U);
}

TEST_F(file, force_replaces_it_and_a_wide_mode_with_it) {
  std::ofstream(in_folder("wg0.conf")) << "mine";
  ::chmod(in_folder("wg0.conf").c_str(), 0644);
  auto made = private_file::prepare(in_folder("wg0.conf"), true);
  ASSERT_TRUE(made.has_value());
  EXPECT_EQ(text_at(in_folder("wg0.conf")), "mine") << "until there is something better";
  ASSERT_TRUE(made->keep("new").has_value());
  EXPECT_EQ(text_at(in_folder("wg0.conf")), "new");
  EXPECT_EQ(mode_at(in_folder("wg0.conf")), 0600U);
}

TEST_F(file, one_that_came_meanwhile_is_kept_and_so_is_the_text) {
  auto made = private_file::prepare(in_folder("wg0.conf"), false);
  ASSERT_TRUE(made.has_value());
  std::ofstream(in_folder("wg0.conf")) << "theirs";
  const auto kept = made->keep("ours");
  ASSERT_FALSE(kept.has_value());
  EXPECT_EQ(text_at(in_folder("wg0.conf")), "theirs");
  const std::string& message = kept.error().message;
  const std::string where = message.substr(message.rfind(' ') + 1);
  EXPECT_EQ(text_at(where), "ours");
  EXPECT_EQ(mode_at(where), 0600U);
}

TEST_F(file, nothing_is_left_when_nothing_was_kept) {
  { ASSERT_TRUE(private_file::prepare(in_folder("wg0.conf"), false).has_value()); }
  EXPECT_EQ(entries(), 0U);
}

TEST_F(file, what_can_not_be_written_is_known_before) {
  const auto no_folder = private_file::prepare(in_folder("none/wg0.conf"), false);
  ASSERT_FALSE(no_folder.has_value());
  EXPECT_THAT(no_folder.error().message, HasSubstr("none/wg0.conf"));
  std::filesystem::create_directory(in_folder("dir.conf"));
  const auto folder = private_file::prepare(in_folder("dir.conf"), true);
  ASSERT_FALSE(folder.has_value());
  EXPECT_THAT(folder.error().message, HasSubstr("Is a directory"));
}

TEST_F(file, reading_is_bounded) {
  std::ofstream(in_folder("t")) << "0123456789";
  EXPECT_EQ(read_file(in_folder("t"), 10).value(), "0123456789");
  EXPECT_EQ(read_file(in_folder("t"), 9).error().code, errc::full);
  EXPECT_EQ(read_file(in_folder("none"), 9).error().code, errc::not_found);
  EXPECT_EQ(read_file(folder_, 9).error().code, errc::io);
}

TEST(file_name, fits_wg_quick_or_is_refused_with_one_that_does) {
  for (const char* path : {"wg0.conf", "/etc/wireguard/wg0.conf", "./a_=+.-Z9.conf",
                           "exactly-fifteen.conf", "x/y z/a.conf"}) {
    EXPECT_TRUE(check_wg_quick_name(path).has_value()) << path;
  }
  struct wrong {
    const char* path;
    const char* suggestion;
  };
  const wrong table[] = {
      {"/tmp/exactly-sixteen-.conf", "try --file /tmp/exactly-sixteen.conf"},
      {"wg 0.conf", "try --file wg-0.conf"},
      {"wg0", "try --file wg0.conf"},
      {"x/wg0.txt", "try --file x/wg0.txt.conf"},
      {".conf", "try --file wg0.conf"},
      {"", "try --file wg0.conf"},
      {"x/", "try --file x/wg0.conf"},
      {"gr\xc3\xb6\xc3\x9f"
       "e.conf",
       "try --file gr----e.conf"},
  };
  for (const auto& [path, suggestion] : table) {
    const auto checked = check_wg_quick_name(path);
    ASSERT_FALSE(checked.has_value()) << path;
    EXPECT_THAT(checked.error().message, testing::EndsWith(suggestion)) << path;
    EXPECT_TRUE(check_wg_quick_name(std::string_view(suggestion).substr(11)).has_value());
  }
}

}  // namespace
}  // namespace peerage::cli
