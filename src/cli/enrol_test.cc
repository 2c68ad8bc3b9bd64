#include <sys/stat.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

#include "cli/answers.h"
#include "cli/fixture.h"
#include "cli/qr.h"
#include "crypto/x25519.h"
#include "model/name.h"

namespace peerage::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr std::string_view peer_key = "3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08=";
const std::string peers = "POST /v1/networks/acme/peers";

/// An answer of the API; `key` is the peer's public key.
std::string answer_with(std::string_view key, std::string_view name, std::string_view state) {
  return R"({"name":")" + std::string(name) + R"(","network":"acme","public_key":")" +
         std::string(key) + R"(","addresses":["fd00:0:0:1::2/128"],"state":")" +
         std::string(state) +
         R"(","revision":41,"created_at":"2026-11-23T14:15:32.120Z","expires_at":null,
         "gateway":{"name":"gw-fra-1","region":"fra","endpoint":"203.0.113.7:51820",
         "public_key":"hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo="},
         "allowed_ips":["fd00::/48"],"dns":[],"keepalive_s":25,"reason":"it did not answer",
         "timing_ms":{"store":0.61,"total":1.3}})";
}

/// Enrolments are answered with the key that was sent, as the API does.
class enrol : public command {
 protected:
  void answer_enrolment(int status, std::string_view state) {
    api_.on(peers, status, answer_with(peer_key, "ci-1", state));
  }
  ran create(std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"create", "ci-1", "--public-key", std::string(peer_key)});
    return run_command(more);
  }
};

/// What follows "PrivateKey = " in a wg-quick file.
secret_key private_key_in(const std::string& text) {
  const std::size_t at = text.find("PrivateKey = ");
  EXPECT_NE(at, std::string::npos) << text;
  return parse_secret_key(text.substr(at + 13, 44)).value();
}

/// Echoes the public key of each request into the answer: what a canned answer can't do.
class echo_api {
 public:
  explicit echo_api(int status, std::string state)
      : status_(status), state_(std::move(state)), acceptor_(loop_, {asio::ip::tcp::v4(), 0}) {
    thread_ = std::thread([this] { serve(); });
  }
  ~echo_api() { finish(); }
  std::string url() const {
    return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port());
  }
  /// Everything that came.
  std::string finish() {
    if (thread_.joinable()) {
      // Where nobody has called, this lets the thread go.
      boost::system::error_code failure;
      asio::ip::tcp::socket nobody(loop_);
      nobody.connect({asio::ip::address_v4::loopback(), acceptor_.local_endpoint().port()},
                     failure);
      nobody.close(failure);
      thread_.join();
    }
    return seen_;
  }

 private:
  void serve() {
    asio::ip::tcp::socket socket(loop_);
    acceptor_.accept(socket);
    boost::system::error_code failure;
    asio::read_until(socket, asio::dynamic_buffer(seen_), "}", failure);
    if (status_ == 0 || failure) return;  // closes without an answer
    const auto body = json::parse(seen_.substr(seen_.find("\r\n\r\n") + 4)).value();
    const std::string text =
        answer_with(text_of(body, "public_key"), text_of(body, "name"), state_);
    const std::string head =
        "HTTP/1.1 " + std::to_string(status_) +
        " OK\r\nConnection: close\r\nContent-Length: " + std::to_string(text.size()) + "\r\n\r\n";
    asio::write(socket, asio::buffer(head + text), failure);
  }

  int status_;
  std::string state_;
  std::string seen_;
  asio::io_context loop_;
  asio::ip::tcp::acceptor acceptor_;
  std::thread thread_;
};

TEST_F(enrol, prints_the_file_alone_and_never_sends_the_private_key) {
  echo_api api(201, "live");
  environment_["PEERAGE_SERVER"] = api.url();
  const ran ended = run_command({"create", "ci-1", "--preshared"});
  const std::string seen = api.finish();
  ASSERT_EQ(ended.status, 0) << ended.err;
  EXPECT_THAT(ended.out, StartsWith("# ci-1 in acme, on gw-fra-1 (fra)\n[Interface]\nPrivateKey"));
  EXPECT_THAT(ended.out, HasSubstr("Endpoint = 203.0.113.7:51820\n"));
  EXPECT_EQ(ended.err, "ci-1: live on gw-fra-1 (fra) in 1.3 ms (store 0.61 ms)\n");
  const secret_key key = private_key_in(ended.out);
  const std::string private_text = ended.out.substr(ended.out.find("PrivateKey = ") + 13, 44);
  EXPECT_THAT(seen, HasSubstr(public_of(key).text())) << "the key of this very file";
  EXPECT_THAT(seen, Not(HasSubstr(private_text)));
  EXPECT_THAT(seen, HasSubstr("Bearer secret-token"));
  const std::string shared = ended.out.substr(ended.out.find("PresharedKey = ") + 15, 44);
  EXPECT_THAT(seen, HasSubstr("\"preshared_key\":\"" + shared + "\""));
}

TEST_F(enrol, a_lost_answer_is_told_as_it_is) {
  echo_api api(0, "");
  environment_["PEERAGE_SERVER"] = api.url();
  const ran ended = run_command({"create", "--file", path("wg0.conf")});
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.err, HasSubstr("nobody knows whether it is enrolled: `peerage show peer-"));
  EXPECT_EQ(entries(), 0U) << "no file, and no temporary one";
}

TEST_F(enrol, without_a_name_one_is_made_here) {
  echo_api api(201, "live");
  environment_["PEERAGE_SERVER"] = api.url();
  ASSERT_EQ(run_command({"create"}).status, 0);
  const std::string seen = api.finish();
  const auto body = json::parse(seen.substr(seen.find("\r\n\r\n") + 4)).value();
  EXPECT_TRUE(is_label(text_of(body, "name")));
  EXPECT_THAT(text_of(body, "name"), StartsWith("peer-"));
}

TEST_F(enrol, sends_what_was_asked_for_and_nothing_else) {
  answer_enrolment(201, "live");
  const ran ended = create({"--region", "fra", "--gateway", "gw-fra-1", "--ttl", "1h"});
  ASSERT_EQ(ended.status, 0) << ended.err;
  EXPECT_THAT(api_.calls(), ElementsAre(peers));
  EXPECT_EQ(body_of(0), json::parse(R"({"name":"ci-1","public_key":")" + std::string(peer_key) +
                                    R"(","region":"fra","gateway":"gw-fra-1","ttl_s":3600})")
                            .value());
  EXPECT_THAT(ended.out, Not(HasSubstr("\nPrivateKey"))) << "--public-key: it is elsewhere";
  EXPECT_THAT(ended.out, HasSubstr("\n# PrivateKey ="));
  EXPECT_EQ(api_.asked()[0].header("Authorization"), "Bearer secret-token");
}

TEST_F(enrol, pending_is_exit_3_and_the_file_is_written_all_the_same) {
  answer_enrolment(202, "pending");
  const ran ended = create({"--file", path("wg0.conf")});
  EXPECT_EQ(ended.status, 3);
  EXPECT_EQ(ended.out, "");
  EXPECT_THAT(ended.err, HasSubstr("ci-1: pending on gw-fra-1 (fra): it did not answer"));
  EXPECT_THAT(ended.err, HasSubstr("`peerage status ci-1`"));
  EXPECT_THAT(read(path("wg0.conf")), HasSubstr("Endpoint = 203.0.113.7:51820"));
}

TEST_F(enrol, a_file_is_private_and_alone) {
  answer_enrolment(201, "live");
  const ran ended = create({"--file", path("wg0.conf")});
  ASSERT_EQ(ended.status, 0) << ended.err;
  struct stat found{};
  ASSERT_EQ(::stat(path("wg0.conf").c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 07777U, 0600U);
  EXPECT_THAT(ended.err, HasSubstr("wrote " + path("wg0.conf")));
  EXPECT_EQ(entries(), 1U);
}

TEST_F(enrol, what_can_not_be_written_is_never_enrolled) {
  answer_enrolment(201, "live");
  write("there.conf", "mine");
  EXPECT_EQ(create({"--file", path("much-too-long-for-it.conf")}).status, 2);
  EXPECT_EQ(create({"--file", path("wg0")}).status, 2);
  EXPECT_EQ(create({"--file", path("none/wg0.conf")}).status, 1);
  const ran ended = create({"--file", path("there.conf")});
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.err, HasSubstr("--force"));
  EXPECT_EQ(read(path("there.conf")), "mine");
  EXPECT_THAT(api_.calls(), ElementsAre());
  EXPECT_EQ(create({"--file", path("there.conf"), "--force"}).status, 0);
  EXPECT_THAT(read(path("there.conf")), HasSubstr("[Interface]"));
}

TEST_F(enrol, json_is_the_answer_and_the_file) {
  answer_enrolment(201, "live");
  const ran ended = create({"--json"});
  ASSERT_EQ(ended.status, 0) << ended.err;
  const auto data = json::parse(ended.out).value();
  EXPECT_EQ(count_of(data, "revision"), 41U);
  EXPECT_THAT(text_of(data, "config"), HasSubstr("[Peer]"));
}

TEST_F(enrol, a_qr_code_is_for_the_person) {
  echo_api api(201, "live");
  environment_["PEERAGE_SERVER"] = api.url();
  const ran ended = run_command({"create", "ci-1", "--qr"});
  ASSERT_EQ(ended.status, 0) << ended.err;
  EXPECT_THAT(ended.err, HasSubstr("████████"));
  EXPECT_THAT(ended.out, Not(HasSubstr("█")));
  EXPECT_THAT(ended.out, StartsWith("# ci-1 in acme"));
  // The code is of the file without its comment: it is as wide as that one's.
  const auto wide = qr_width(qr_encode(without_comments(ended.out).reveal()).value());
  const std::string line = ended.err.substr(0, ended.err.find('\n'));
  EXPECT_EQ(line.size(), wide * 3) << "each block has three bytes";
}

TEST_F(enrol, a_terminal_too_narrow_for_a_qr_code_is_told_so) {
  echo_api api(201, "live");
  environment_["PEERAGE_SERVER"] = api.url();
  columns_ = 40;
  const ran ended = run_command({"create", "ci-1", "--qr"});
  ASSERT_EQ(ended.status, 0) << ended.err;
  EXPECT_THAT(ended.err, Not(HasSubstr("█")));
  const auto wide = qr_width(qr_encode(without_comments(ended.out).reveal()).value());
  EXPECT_THAT(ended.err, HasSubstr("the QR code is " + std::to_string(wide) +
                                   " columns wide, and this terminal has 40"));
  EXPECT_THAT(ended.err, HasSubstr("--qr-file"));
}

TEST_F(enrol, a_qr_code_may_be_an_image) {
  for (const char* name : {"phone.svg", "phone.png"}) {
    echo_api api(201, "live");
    environment_["PEERAGE_SERVER"] = api.url();
    const ran ended = run_command({"create", "ci-1", "--qr-file", path(name)});
    ASSERT_EQ(ended.status, 0) << ended.err;
    EXPECT_THAT(ended.err, HasSubstr("wrote " + path(name)));
    const auto code = qr_encode(without_comments(ended.out).reveal()).value();
    const bool svg = std::string_view(name).ends_with("svg");
    EXPECT_EQ(read(path(name)), svg ? qr_svg(code) : qr_png(code).value());
    struct stat found{};
    ASSERT_EQ(::stat(path(name).c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 07777U, 0600U) << "a private key is in it";
  }
  const ran there = run_command({"create", "ci-1", "--qr-file", path("phone.png")});
  EXPECT_EQ(there.status, 1);
  EXPECT_THAT(there.err, HasSubstr("--force"));
}

TEST_F(enrol, a_host_without_ipv6_gets_a_file_of_ipv4) {
  std::string both = answer_with(peer_key, "ci-1", "live");
  const auto put = [&both](const std::string& old, const std::string& now) {
    both.replace(both.find(old), old.size(), now);
  };
  put(R"("fd00:0:0:1::2/128")", R"("fd00:0:0:1::2/128","10.7.0.2/32")");
  put(R"("fd00::/48")", R"("fd00::/48","10.7.0.0/16")");
  api_.on(peers, 201, both);
  EXPECT_THAT(create().out, HasSubstr("Address = fd00:0:0:1::2/128, 10.7.0.2/32\n"));
  ipv6_works_ = false;
  const ran found_out = create();
  EXPECT_EQ(found_out.status, 0) << found_out.err;
  EXPECT_THAT(found_out.out, HasSubstr("Address = 10.7.0.2/32\n"));
  EXPECT_THAT(found_out.out, HasSubstr("AllowedIPs = 10.7.0.0/16\n"));
  EXPECT_THAT(found_out.err, HasSubstr("this host has no IPv6: the file is of IPv4 alone"));
  ipv6_works_ = true;
  api_.on("GET /v1/networks/acme", 200, R"({"name":"acme","ipv4":"10.7.0.0/16"})");
  const ran asked = create({"--ipv4-only"});
  EXPECT_THAT(asked.out, HasSubstr("Address = 10.7.0.2/32\n"));
  EXPECT_THAT(asked.err, Not(HasSubstr("this host")));
  EXPECT_EQ(create({"--ipv4-only", "--ipv6-only"}).status, 2);
}

TEST_F(enrol, a_file_that_cannot_be_of_one_family_is_written_whole_so_that_its_key_is_not_lost) {
  echo_api api(201, "live");
  environment_["PEERAGE_SERVER"] = api.url();
  const ran ended = run_command({"create", "ci-1", "--ipv6-only", "--file", path("a.conf")});
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.err, HasSubstr("203.0.113.7:51820, can't be reached over IPv6"));
  EXPECT_THAT(ended.err, HasSubstr("the addresses of both families"));
  EXPECT_THAT(read(path("a.conf")), HasSubstr("PrivateKey = "));
  EXPECT_THAT(read(path("a.conf")), HasSubstr("Endpoint = 203.0.113.7:51820"));
}

TEST_F(enrol, what_keeps_a_peer_from_being_live_is_not_said_to_pass_by_itself) {
  std::string barred = answer_with(peer_key, "ci-1", "pending");
  const std::string usual = "it did not answer";
  barred.replace(barred.find(usual), usual.size(), "the network is the host's own");
  api_.on(peers, 202, barred);
  const ran ended = create();
  EXPECT_EQ(ended.status, 3);
  EXPECT_THAT(ended.err,
              HasSubstr("ci-1: pending on gw-fra-1 (fra): the network is the host's own"));
  EXPECT_THAT(ended.err, HasSubstr("not live for as long as that is so"));
  EXPECT_THAT(ended.err, Not(HasSubstr("becomes live")));
}

TEST_F(enrol, a_network_without_ipv4_is_told_with_what_to_do) {
  answer_enrolment(201, "live");
  ipv6_works_ = false;
  const ran found_out = create();
  EXPECT_EQ(found_out.status, 0) << "the file may be for another host";
  EXPECT_THAT(found_out.out, HasSubstr("Address = fd00:0:0:1::2/128\n"));
  EXPECT_THAT(found_out.err, HasSubstr("this host has no IPv6, so wg-quick will refuse the file"));
  EXPECT_THAT(found_out.err, HasSubstr("no IPv4 address"));
  EXPECT_THAT(found_out.err, HasSubstr("`peerage networks create NAME --ipv4 10.7.0.0/16`"));
  api_.on("GET /v1/networks/acme", 200, R"({"name":"acme","ipv4":null})");
  const auto before = api_.calls().size();
  const ran asked = create({"--ipv4-only"});
  EXPECT_EQ(asked.status, 1);
  EXPECT_THAT(asked.err, HasSubstr("network acme has no IPv4 range"));
  EXPECT_THAT(asked.err, HasSubstr("nothing was enrolled"));
  EXPECT_EQ(api_.calls().size(), before + 1) << "it is asked of the network first";
}

TEST_F(enrol, wrong_usage_is_exit_2_before_anything_is_asked) {
  const std::vector<std::vector<std::string>> table = {
      {"create", "Laptop"},
      {"create", "a", "--ttl", "soon"},
      {"create", "a", "--ttl", "4000d"},
      {"create", "a", "--region", "FRA"},
      {"create", "a", "--gateway", "../x"},
      {"create", "a", "--public-key", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},
      {"create", "a", "--force"},
      {"create", "a", "--public-key", std::string(peer_key), "--qr"},
      {"create", "a", "--public-key", std::string(peer_key), "--qr-file", "x.png"},
      {"create", "a", "--qr-file", "x.jpg"},
      {"create", "a", "--ipv4-only", "--ipv6-only"},
      {"create", "a", "--network", "No"},
      {"create", "a", "--token-file", "/nonexistent/token"},
      {"create", "a", "--ca-file", "x"},
      {"create", "a", "--server", "https://example.com", "--ca-file", "/nonexistent/ca"},
      {"create", "a", "--server", "ftp://x"},
      {"reset"},
      {"reset", "a", "--ttl", "1h"},
  };
  for (const auto& arguments : table) {
    const ran ended = run_command(arguments);
    EXPECT_EQ(ended.status, 2) << testing::PrintToString(arguments) << ended.err;
    EXPECT_EQ(ended.out, "");
    EXPECT_EQ(std::count(ended.err.begin(), ended.err.end(), '\n'), 1) << ended.err;
  }
  EXPECT_THAT(api_.calls(), ElementsAre());
}

TEST_F(enrol, a_refusal_says_what_where_and_what_next) {
  struct refusal {
    int status;
    const char* detail;
    http::header_list headers;
    const char* said;
  };
  const refusal table[] = {
      {409, "the name is taken.", {}, "on gateway gw-1 in region fra: the name is taken; give"},
      {503, "no gateway fits", {{"Retry-After", "7"}}, "no gateway fits; try again in 7 s"},
      {429, "too many", {{"Retry-After", "soon"}}, "too many; try again in a moment"},
      {401, "unknown token", {}, "acme on gateway gw-1 in region fra: unknown token\n"},
      {504, "answer lost", {}, "nobody knows whether it is enrolled"},
      {403, "not allowed", {}, "not allowed; use a token that may"},
  };
  patience_ = milliseconds{1'000};  // less than the 7 s
  for (const auto& [status, detail, headers, said] : table) {
    http::response canned = fake_api::problem(status, detail);
    fake_api api;
    api.on(peers, status, canned.body, headers);
    environment_["PEERAGE_SERVER"] = api.url();
    const ran ended = create({"--gateway", "gw-1", "--region", "fra"});
    EXPECT_EQ(ended.status, status == 503 || status == 429 ? 5 : 1) << status;
    EXPECT_EQ(ended.out, "");
    EXPECT_THAT(ended.err, StartsWith("peerage: can't enrol ci-1 in acme on gateway gw-1"));
    EXPECT_THAT(ended.err, HasSubstr(said));
    EXPECT_THAT(ended.err, Not(HasSubstr("secret-token")));
  }
}

TEST_F(enrol, an_answer_that_makes_no_file_does_not_hide_the_peer) {
  api_.on(peers, 201, answer_with("hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=", "ci-1", "live"));
  const ran other_key = create();
  EXPECT_EQ(other_key.status, 1);
  EXPECT_THAT(other_key.err, HasSubstr("ci-1 is enrolled on gw-fra-1 (fra), but"));
  fake_api api;
  environment_["PEERAGE_SERVER"] = api.url();
  api.on(peers, 201, "{}");
  const ran empty = create();
  EXPECT_EQ(empty.status, 1);
  EXPECT_EQ(empty.out, "");
}

TEST_F(enrol, a_server_that_is_away_is_exit_4) {
  {
    const fake_api gone;
    environment_["PEERAGE_SERVER"] = gone.url();
  }
  const ran ended = create();
  EXPECT_EQ(ended.status, 4);
  EXPECT_THAT(ended.err, HasSubstr("can't reach http://127.0.0.1:"));
}

TEST_F(enrol, what_is_no_peerage_server_is_said) {
  api_.on(peers, 200, "<html>");
  EXPECT_THAT(create().err, HasSubstr("is " + api_.url() + " a peerage server?"));
  fake_api other;
  other.on(peers, 502, "<html>\x1b[2J");
  environment_["PEERAGE_SERVER"] = other.url();
  const ran ended = create();
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.err, HasSubstr("answered 502"));
}

TEST_F(enrol, reset_gives_a_new_key_and_clears_what_the_file_would_lack) {
  const std::string call = "/v1/networks/acme/peers/ci-1";
  api_.on("GET " + call, 200, answer_with(peer_key, "ci-1", "live"));
  api_.on("PUT " + call, 200, answer_with(peer_key, "ci-1", "live"));
  const ran ended = run_command({"reset", "ci-1", "--public-key", std::string(peer_key), "--json"});
  ASSERT_EQ(ended.status, 0) << ended.err;
  EXPECT_THAT(api_.calls(), ElementsAre("GET " + call, "PUT " + call));
  EXPECT_EQ(text_of(body_of(1), "public_key"), peer_key);
  EXPECT_TRUE(body_of(1).as_object().contains("preshared_key"));
  EXPECT_TRUE(member(body_of(1), "preshared_key").is_null());
  EXPECT_EQ(body_of(1).as_object().size(), 2U) << "everything else stays";
}

TEST_F(enrol, reset_moves_the_peer_where_a_place_is_given) {
  const std::string call = "/v1/networks/acme/peers/ci-1";
  api_.on("GET " + call, 200, answer_with(peer_key, "ci-1", "live"));
  api_.on("PUT " + call, 200, answer_with(peer_key, "ci-1", "live"));
  const std::string key(peer_key);
  ASSERT_EQ(run_command({"reset", "ci-1", "--public-key", key, "--gateway", "gw-2"}).status, 0);
  EXPECT_EQ(text_of(body_of(1), "gateway"), "gw-2");
  EXPECT_EQ(body_of(1).as_object().size(), 3U);
  ASSERT_EQ(run_command({"reset", "ci-1", "--public-key", key, "--region", "iad"}).status, 0);
  EXPECT_EQ(text_of(body_of(3), "region"), "iad");
  const ran wrong = run_command({"reset", "ci-1", "--gateway", "../x"});
  EXPECT_EQ(wrong.status, 2);
  EXPECT_EQ(api_.calls().size(), 4U);
}

TEST_F(enrol, reset_does_not_make_a_peer_that_is_not_there) {
  const ran ended = run_command({"reset", "ci-1"});
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(api_.calls(), ElementsAre("GET /v1/networks/acme/peers/ci-1"));
}

}  // namespace
}  // namespace peerage::cli
