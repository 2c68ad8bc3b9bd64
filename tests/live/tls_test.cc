// The API over TLS: what the command believes, what it refuses and in which words, and a new
// certificate under connections that stay.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>

#include "tests/certificates.h"
#include "tests/live/daemon.h"

namespace peerage::live {
namespace {

using testing::HasSubstr;
using testing::Not;

struct tls : testing::Test {
  /// The daemon's config with this certificate.
  void start(const std::string& certificate) {
    put(certificate);
    std::string text = daemon.config_text();
    const std::string section = "[api]\n";
    text.insert(text.find(section) + section.size(), "cert_file = \"" + made.file("api.pem") +
                                                         "\"\nkey_file = \"" +
                                                         made.file("api.key") + "\"\n");
    daemon.write_config(text);
    daemon.launch();
    daemon.await_log("ready");
  }
  void put(const std::string& certificate) const {
    for (const std::string end : {".pem", ".key"}) {
      std::filesystem::copy_file(made.file(certificate + end), made.file("api" + end),
                                 std::filesystem::copy_options::overwrite_existing);
    }
  }
  std::string url() const { return "https://127.0.0.1:" + std::to_string(daemon.api_port()); }
  finished peerage(const std::string& ca, const std::string& server) const {
    program wanted = daemon.peerage({"networks", "--server", server});
    if (!ca.empty()) wanted.words.insert(wanted.words.end(), {"--ca-file", made.file(ca)});
    return run(wanted);
  }
  void expect_refused(const finished& how, const std::string& why) const {
    EXPECT_EQ(how.status, 4) << how.err;
    EXPECT_THAT(how.err, HasSubstr(why));
    EXPECT_THAT(how.err, Not(HasSubstr("running there"))) << "somebody is";
  }
  caller connect() const {
    const http::tls_options believed{made.file("ca.pem"), {}, {}};
    return caller(url(), daemon.admin_token(),
                  http::make_client_tls(believed, "127.0.0.1").value());
  }
  void hang_up(const std::string& words) {
    const auto said = [&] {
      std::size_t count = 0;
      const std::string log = daemon.log_since_launch();
      for (auto at = log.find(words); at != std::string::npos; at = log.find(words, at + 1))
        ++count;
      return count;
    };
    const std::size_t before = said();
    ASSERT_EQ(::kill(daemon.running().pid(), SIGHUP), 0);
    ASSERT_TRUE(eventually(15s, [&] { return said() > before; })) << words;
  }

  testing_tools::certificates made;
  daemon_under_test daemon;
};

TEST_F(tls, the_command_believes_the_authority_that_it_is_told) {
  start("server");
  const finished good = peerage("ca.pem", url());
  EXPECT_EQ(good.status, 0) << good.err;
  expect_refused(peerage("", url()), "its certificate is signed by an unknown authority");
  expect_refused(peerage("other.pem", url()), "its certificate is signed by an unknown authority");
  expect_refused(peerage("ca.pem", "https://localhost:" + std::to_string(daemon.api_port())),
                 "its certificate is not for the name localhost");
  EXPECT_NE(peerage("", daemon.url()).status, 0) << "plain HTTP is not spoken on this port";
}

TEST_F(tls, a_new_certificate_comes_with_sighup_and_no_connection_goes) {
  start("server");
  caller kept = connect();
  kept.make_network("acme");
  put("expired");
  hang_up("certificate reloaded");
  expect_refused(peerage("ca.pem", url()), "its certificate has expired");
  // Another connection would have been refused.
  EXPECT_EQ(kept.call("GET", "/v1/networks").status, 200);
  put("stranger");
  hang_up("certificate reloaded");
  expect_refused(peerage("ca.pem", url()), "its certificate is not for the name 127.0.0.1");

  // Files that are of no use change nothing.
  put("server");
  hang_up("certificate reloaded");
  std::filesystem::copy_file(made.file("client.key"), made.file("api.key"),
                             std::filesystem::copy_options::overwrite_existing);
  hang_up("the certificate stays as it was");
  EXPECT_EQ(peerage("ca.pem", url()).status, 0);
  EXPECT_EQ(kept.call("GET", "/v1/networks").status, 200);
  EXPECT_EQ(daemon.stop(), 0);
}

TEST_F(tls, without_it_only_loopback_is_served) {
  std::string text = daemon.config_text();
  text.replace(text.find("127.0.0.1"), 9, "0.0.0.0");
  daemon.write_config(text);
  const finished refused = run(daemon.command());
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.err, HasSubstr("api.listen is not a loopback address"));
  daemon.write_config("state_dir = \"" + daemon.state_dir() + "\"\n" +
                      text.substr(text.find("[api]\n")).insert(6, "plain_http = true\n"));
  daemon.launch();
  daemon.await_log("ready api=http://0.0.0.0");
  EXPECT_EQ(daemon.admin().call("GET", "/v1/networks").status, 200);
}

}  // namespace
}  // namespace peerage::live
