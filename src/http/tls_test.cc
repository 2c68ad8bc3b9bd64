// TLS over the loopback: the same server and the same client, and who is refused in which words.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/client.h"
#include "http/loopback.h"
#include "http/tls.h"
#include "tests/certificates.h"

namespace peerage::http {
namespace {

using loopback::served;
using testing::HasSubstr;

const testing_tools::certificates& files() {
  static const testing_tools::certificates made;
  return made;
}

std::shared_ptr<server_tls> certificate(const std::string& name) {
  return make_server_tls(files().file(name + ".pem"), files().file(name + ".key")).value();
}

struct asker {
  explicit asker(const served& at, const std::string& host = "127.0.0.1",
                 const std::string& ca = "ca.pem")
      : by(client::to(loop.get_executor(), "https://" + host + ":" + std::to_string(at.port()), {},
                      make_client_tls({files().file(ca), {}, {}}, host).value())
               .value()) {}
  result<response> ask(request wanted) {
    loop.restart();
    auto answer = asio::co_spawn(loop, by.send(std::move(wanted), seconds{10}), asio::use_future);
    loop.run();
    return answer.get();
  }
  result<response> get(const std::string& path) {
    request wanted;
    wanted.method = "GET";
    wanted.path = path;
    return ask(std::move(wanted));
  }
  asio::io_context loop{1};
  client by;
};

std::string refusal(result<response> said) {
  if (said) return "it was answered";
  EXPECT_EQ(said.error().code, errc::unavailable);
  return said.error().message;
}

TEST(tls, carries_requests_on_one_kept_connection) {
  served here({}, {}, certificate("server"));
  asker one(here);
  EXPECT_EQ(one.get("/a").value().body, "GET /a? ");
  request long_one;
  long_one.method = "PUT";
  long_one.path = "/b";
  long_one.body.assign(60'000, 'x');
  EXPECT_EQ(one.ask(std::move(long_one)).value().body, "PUT /b? " + std::string(60'000, 'x'));
  EXPECT_EQ(one.get("/large").value().body.size(), 32U * 1024 * 1024);
  EXPECT_EQ(here.connections(), 1U);
}

TEST(tls, says_what_is_wrong_with_a_certificate) {
  served good({}, {}, certificate("server"));
  asker other_authority(good, "127.0.0.1", "other.pem");
  EXPECT_THAT(refusal(other_authority.get("/")), HasSubstr("signed by an unknown authority"));
  asker other_name(good, "localhost");
  EXPECT_THAT(refusal(other_name.get("/")), HasSubstr("is not for the name localhost"));
  served old({}, {}, certificate("expired"));
  asker late(old);
  EXPECT_THAT(refusal(late.get("/")), HasSubstr("its certificate has expired"));
}

TEST(tls, a_client_that_does_not_shake_hands_is_closed_and_no_other_waits) {
  limits bounds;
  bounds.header_time = milliseconds{200};
  served here(bounds, {}, certificate("server"));
  loopback::raw_client silent(here.port());
  asker other(here);
  EXPECT_EQ(other.get("/a").value().status, 200);
  EXPECT_TRUE(silent.at_end());
  loopback::raw_client plain(here.port());
  EXPECT_EQ(plain.ask(loopback::get("/a")).status, 0) << "plain HTTP is not spoken here";
}

TEST(tls, files_of_no_use_are_named) {
  const std::string cert = files().file("server.pem");
  const auto none = make_server_tls("/nonexistent/cert", files().file("server.key"));
  EXPECT_THAT(none.error().message, HasSubstr("/nonexistent/cert can't be used for TLS"));
  const auto mixed = make_server_tls(cert, files().file("client.key"));
  EXPECT_EQ(mixed.error().field, "key_file");
  EXPECT_THAT(mixed.error().message, HasSubstr("client.key can't be used for TLS"));
  const auto no_authority = make_client_tls({files().file("server.key"), {}, {}}, "h");
  EXPECT_EQ(no_authority.error().field, "ca_file");
}

}  // namespace
}  // namespace peerage::http
