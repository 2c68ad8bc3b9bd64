#include "uapi/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>

namespace peerage::uapi {
namespace {

using namespace std::chrono_literals;

// Programs here are small shell scripts: none of them makes an interface.
struct uapi_process : testing::Test {
  uapi_process() {
    std::string name = testing::TempDir() + "uapi.XXXXXX";
    folder = ::mkdtemp(name.data());
    options = {"nosuchwg0", folder + "/program", folder, folder + "/log", 5s, 20ms};
  }
  ~uapi_process() override { std::filesystem::remove_all(folder); }

  void program(const std::string& script) {
    std::ofstream(options.program) << "#!/bin/sh\n" << script << "\n";
    ::chmod(options.program.c_str(), 0700);
  }

  error ensure_fails() {
    asio::io_context loop;
    process started(loop.get_executor(), options);
    std::optional<result<pid_t>> outcome;
    asio::co_spawn(loop, started.ensure(),
                   [&](std::exception_ptr, result<pid_t> value) { outcome = std::move(value); });
    loop.run_for(20s);
    if (outcome && !*outcome) return outcome->error();
    ADD_FAILURE() << (outcome ? "it was ensured" : "it took too long");
    return {};
  }

  std::string log() const {
    std::ifstream file(options.log_file);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  static bool no_child_is_left() {
    return ::waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD;
  }

  std::string folder;
  process_options options;
};

TEST(uapi_socket_path, is_in_the_folder) {
  EXPECT_EQ(socket_path("/run/x", "wg0"), "/run/x/wg0.sock");
  EXPECT_EQ(socket_path("/run/x", "a_=+.-Z9"), "/run/x/a_=+.-Z9.sock");
  EXPECT_TRUE(socket_path("/run/x", "fifteenletters1"));
}

TEST(uapi_socket_path, can_not_lead_elsewhere) {
  for (const std::string_view name :
       {"", ".", "..", "../wg0", "a/b", "sixteenletters12", "wg 0", "wg0\n", "wg%d", "w\xc3\xa4"}) {
    const auto path = socket_path("/run/x", name);
    ASSERT_FALSE(path) << name;
    EXPECT_EQ(path.error().code, errc::invalid);
    EXPECT_EQ(path.error().field, "interface");
  }
  EXPECT_FALSE(socket_path("/run/x", std::string_view("w\0g", 3)));
}

TEST(uapi_exit, is_explained_by_the_last_words) {
  const auto code = [](std::string_view words) {
    const error why = explain_exit("wireguard-go", "wg0", words);
    EXPECT_TRUE(why.message.contains(words)) << why.message;
    EXPECT_TRUE(why.message.contains("wg0")) << why.message;
    return why.code;
  };
  EXPECT_EQ(code("Failed to create TUN device: CreateTUN(\"wg0\") failed; /dev/net/tun does not "
                 "exist"),
            errc::unsupported);
  EXPECT_EQ(code("Failed to create TUN device: operation not permitted"), errc::denied);
  EXPECT_EQ(code("UAPI listen error: mkdir /var/run/wireguard: permission denied"), errc::denied);
  EXPECT_EQ(code("Failed to create TUN device: device or resource busy"), errc::conflict);
  EXPECT_EQ(code("UAPI listen error: unix socket in use"), errc::conflict);
  EXPECT_EQ(code("anything else"), errc::io);
  EXPECT_EQ(code(""), errc::io);
}

TEST_F(uapi_process, that_is_not_installed_is_named_with_its_package) {
  options.program = folder + "/nothing";
  const error why = ensure_fails();
  EXPECT_EQ(why.code, errc::unsupported);
  EXPECT_TRUE(why.message.contains("apt install wireguard-go")) << why.message;
  EXPECT_TRUE(no_child_is_left());
}

TEST_F(uapi_process, that_ends_at_once_is_quoted_and_reaped) {
  program("echo 'ERROR: operation not permitted' >&2; exit 1");
  const error why = ensure_fails();
  EXPECT_EQ(why.code, errc::denied);
  EXPECT_TRUE(why.message.contains("ERROR: operation not permitted")) << why.message;
  EXPECT_TRUE(no_child_is_left());
}

TEST_F(uapi_process, is_started_again_where_something_may_pass) {
  program("echo run >>" + folder + "/runs; echo 'UAPI listen error: no such file'; exit 1");
  EXPECT_EQ(ensure_fails().code, errc::io);
  std::ifstream runs(folder + "/runs");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(runs), {}), "run\nrun\nrun\n");
  program("echo run >>" + folder + "/runs; echo 'operation not permitted'; exit 1");
  EXPECT_EQ(ensure_fails().code, errc::denied);
  EXPECT_EQ(std::filesystem::file_size(folder + "/runs"), 16U) << "that will not pass";
}

TEST_F(uapi_process, is_quoted_from_this_start_alone_and_in_one_line) {
  std::ofstream(options.log_file) << "operation not permitted, an hour ago\n";
  program("echo first; echo second; exit 1");
  const error why = ensure_fails();
  EXPECT_EQ(why.code, errc::io) << why.message;
  EXPECT_TRUE(why.message.ends_with("it said: first second")) << why.message;
  EXPECT_TRUE(log().starts_with("operation not permitted, an hour ago\nfirst\n"));
}

TEST_F(uapi_process, that_never_listens_is_ended_at_the_deadline) {
  options.start_limit = 50ms;
  program("kill -STOP $$");
  const error why = ensure_fails();
  EXPECT_EQ(why.code, errc::timeout);
  EXPECT_TRUE(why.message.contains(options.log_file)) << why.message;
  EXPECT_TRUE(no_child_is_left());
}

TEST_F(uapi_process, inherits_neither_files_nor_environment_nor_session) {
  const int mine = ::open("/dev/null", O_RDONLY);
  const int high = ::dup2(mine, 100);
  ::setenv("PEERAGE_UNIT_SECRET", "do not hand on", 1);
  program(
      "[ -e /proc/self/fd/100 ] && echo a file was inherited\n"
      "[ -n \"$PEERAGE_UNIT_SECRET\" ] && echo the environment was inherited\n"
      "read -r pid name state parent group session rest < /proc/self/stat\n"
      "echo session $((session - pid)) level $LOG_LEVEL foreground $WG_PROCESS_FOREGROUND $1 $2\n"
      "exit 1");
  ensure_fails();
  ::close(mine);
  ::close(high);
  ::unsetenv("PEERAGE_UNIT_SECRET");
  EXPECT_EQ(log(), "session 0 level error foreground 1 -f nosuchwg0\n");
  struct stat status{};
  ASSERT_EQ(::stat(options.log_file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
}

TEST_F(uapi_process, has_a_log_that_does_not_grow_for_ever) {
  std::ofstream(options.log_file) << std::string(1024 * 1024 + 1, 'x');
  program("echo anew; exit 1");
  ensure_fails();
  EXPECT_EQ(log(), "anew\n");
}

TEST_F(uapi_process, needs_a_place_for_its_log) {
  options.log_file = folder + "/nowhere/log";
  program("exit 1");
  const error why = ensure_fails();
  EXPECT_EQ(why.code, errc::io);
  EXPECT_TRUE(why.message.contains(options.log_file)) << why.message;
}

TEST_F(uapi_process, is_not_started_where_another_interface_has_the_name) {
  options.interface = "lo";
  program("echo started; exit 1");
  const error why = ensure_fails();
  EXPECT_EQ(why.code, errc::conflict);
  EXPECT_EQ(log(), "");
}

TEST_F(uapi_process, of_a_dead_one_a_socket_file_is_in_nobodys_way) {
  asio::io_context loop;
  const std::string path = socket_path(folder, options.interface).value();
  { const asio::local::stream_protocol::acceptor dead(loop, path); }
  program("echo started; exit 1");
  ensure_fails();
  EXPECT_EQ(log(), "started\n");
}

TEST_F(uapi_process, that_listens_and_does_not_answer_is_not_doubled) {
  asio::io_context loop;
  const std::string path = socket_path(folder, options.interface).value();
  const asio::local::stream_protocol::acceptor silent(loop, path);
  options.start_limit = 20ms;
  program("echo started; exit 1");
  const error why = ensure_fails();
  EXPECT_EQ(why.code, errc::timeout) << why.message;
  EXPECT_EQ(log(), "");
}

}  // namespace
}  // namespace peerage::uapi
