// Every field of every call, wrong in each way that it can be wrong: one table, made from small
// generators, held in one test.
#include <gtest/gtest.h>

#include "api/api.h"
#include "api/fixture.h"
#include "api/openapi_check.h"
#include "base/base64.h"
#include "testing/fake_store.h"
#include "testing/samples.h"

namespace peerage {
namespace {

using texts = std::vector<std::string>;

/// JSON members in order: the value as JSON text.
using members = std::vector<std::pair<std::string, std::string>>;

struct valid_call {
  std::string method;
  std::string path;
  members body;
};

enum class document { forbids, allows, has_no_say };

struct row {
  std::string method;
  std::string target;
  std::string body;
  int status = 400;
  std::string field;
  document says = document::has_no_say;  // what openapi.json says of this body
  std::string media = "application/json";
  texts authorization = {};  // in place of the right one
};

const std::string secret_psk = "c2VjcmV0LXByZXNoYXJlZC1rZXktb2YtMzItYnl0ZSE=";

std::string in_quotes(std::string_view text) {
  return json::serialize(json::value(std::string(text)));
}

std::string body_of(const members& all) {
  std::string text;
  for (const auto& [name, value] : all)
    text += (text.empty() ? "" : ", ") + in_quotes(name) + ": " + value;
  return "{" + text + "}";
}

/// With the member set to `value`, taken out where that is empty, or added.
members with(members all, const std::string& name, const std::string& value) {
  std::erase_if(all, [&](const auto& each) { return each.first == name; });
  if (!value.empty()) all.emplace_back(name, value);
  return all;
}

std::string key(std::uint32_t n) {
  return in_quotes(fakes::sample_key(n).text());
}

const members peer_members = {{"public_key", key(77)},
                              {"region", "\"fra\""},
                              {"gateway", "\"gw-fra-1\""},
                              {"ttl_s", "60"},
                              {"preshared_key", in_quotes(secret_psk)},
                              {"wait_ms", "100"}};

const valid_call post_network = {"POST",
                                 "/v1/networks",
                                 {{"name", "\"fresh\""},
                                  {"ipv6", "\"fd00:9::/48\""},
                                  {"ipv4", "\"10.99.0.0/16\""},
                                  {"dns", "[\"fd00::53\", \"10.0.0.53\"]"},
                                  {"allowed_ips", "[\"fd00:9::/48\", \"0.0.0.0/0\"]"}}};
const valid_call put_drain = {"PUT", "/v1/gateways/gw-iad-1/drain", {{"drain", "true"}}};
const valid_call post_peer = {"POST", "/v1/networks/acme/peers",
                              with(peer_members, "name", "\"fresh\"")};
const valid_call put_there = {"PUT", "/v1/networks/acme/peers/there",
                              with(peer_members, "name", "\"there\"")};
const valid_call put_fresh = {"PUT", "/v1/networks/acme/peers/new",
                              with(with(peer_members, "name", "\"new\""), "public_key", key(78))};
const valid_call post_token = {"POST",
                               "/v1/tokens",
                               {{"name", "\"a token\""},
                                {"network", "\"acme\""},
                                {"scopes", "[\"peers:read\"]"},
                                {"expires_in_s", "60"}}};

const std::vector<valid_call> calls_with_body = {post_network, put_drain, post_peer,
                                                 put_there,    put_fresh, post_token};
const std::vector<valid_call> enrol_calls = {post_peer, put_there, put_fresh};

const texts no_texts = {"1", "1.5", "true", "[]", "{}", "[\"a\"]"};
const std::string too_long(64, 'a'), far_too_long(5'000, 'a'), with_nul("a\0b", 3);
const texts no_labels = {"",    "-a",  "a-",     "A",     "a_b",    "a.b",    "a b",       " a",
                         "a\n", "a/b", "\u00e9", "a\x7f", with_nul, too_long, far_too_long};
const texts no_numbers = {"\"1\"",
                          "true",
                          "[]",
                          "{}",
                          "1.5",
                          "1e-1",
                          "-1",
                          "18446744073709551616",
                          "-9223372036854775809",
                          "1e999"};

std::vector<row> table;

void add(row one) {
  table.push_back(std::move(one));
}

void wrong(const valid_call& call, const std::string& field, const texts& values,
           document says = document::forbids) {
  for (const std::string& value : values)
    add({call.method, call.path, body_of(with(call.body, field, value)), 400, field, says});
}

void wrong_texts(const valid_call& call, const std::string& field, const texts& values,
                 document says = document::forbids) {
  for (const std::string& value : values) wrong(call, field, {in_quotes(value)}, says);
}

void wrong_label(const valid_call& call, const std::string& field) {
  wrong(call, field, no_texts);
  wrong_texts(call, field, no_labels);
}

void wrong_number(const valid_call& call, const std::string& field, const texts& beyond) {
  wrong(call, field, no_numbers);
  wrong(call, field, beyond);
}

std::string base64_of(std::string_view hex) {
  std::array<std::uint8_t, 32> bytes{};
  EXPECT_TRUE(hex_decode(hex, bytes)) << hex;
  return base64_encode(bytes);
}

void wrong_key(const valid_call& call, const std::string& field) {
  wrong(call, field, no_texts);
  const std::string good = field == "preshared_key" ? secret_psk : fakes::sample_key(5).text();
  wrong_texts(call, field,
              {"", good.substr(0, 43), good + "=", good + "\n", " " + good, good.substr(1),
               good.substr(0, 42) + "==", good.substr(0, 42) + "B=", good.substr(0, 40) + "-_A=",
               good.substr(0, 20) + "\n" + good.substr(21), std::string(64, 'a'),
               std::string(44, '='), good.substr(0, 43) + "\u00e9", std::string(9'000, 'A')});
}

void wrong_public_key(const valid_call& call) {
  wrong_key(call, "public_key");
  texts unusable;
  for (const char* hex : {"0000000000000000000000000000000000000000000000000000000000000000",
                          "0100000000000000000000000000000000000000000000000000000000000000",
                          "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
                          "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
                          "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                          "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                          "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                          "0000000000000000000000000000000000000000000000000000000000000080",
                          "0100000000000000000000000000000000000000000000000000000000000080"}) {
    unusable.push_back(base64_of(hex));
  }
  for (const std::uint16_t number : {std::uint16_t{1}, std::uint16_t{2}})
    unusable.push_back(fakes::sample_gateway("gw", number).public_key.text());
  wrong_texts(call, "public_key", unusable, document::allows);
}

void wrong_enrolments() {
  for (const valid_call& call : enrol_calls) {
    wrong_label(call, "name");
    wrong_public_key(call);
    wrong_key(call, "preshared_key");
    wrong_label(call, "region");
    wrong_label(call, "gateway");
    wrong_number(call, "ttl_s", {"0", "315360001"});
    wrong_number(call, "wait_ms", {"30001"});
    for (const char* field : {"region", "gateway"})
      add({call.method, call.path, body_of(with(call.body, field, "\"nowhere\"")), 404, field});
    add({call.method, call.path, body_of(with(call.body, "region", "\"iad\"")), 404, "region"});
  }
  wrong(post_peer, "public_key", {"", "null"});
  wrong(put_there, "public_key", {"null"});
  wrong(put_fresh, "public_key", {"null"});
  wrong(put_fresh, "public_key", {""}, document::allows);
  for (const valid_call& call : {put_there, put_fresh}) {
    wrong(call, "name", {"null"});
    wrong(call, "name", {"\"another\""}, document::allows);
  }
}

texts many(std::size_t count, const std::string& each) {
  std::string all;
  for (std::size_t i = 0; i < count; ++i) all += (i == 0 ? "" : ", ") + each;
  return {"[" + all + "]"};
}

void wrong_networks() {
  const valid_call& call = post_network;
  wrong_label(call, "name");
  wrong(call, "name", {"", "null"});
  wrong(call, "ipv6", no_texts);
  wrong_texts(call, "ipv6",
              {"", "fd00:9::", "fd00:9::/47", "fd00:9::/49", "fd00:9::/048", "fd00:9::/-1",
               "fd00:9::/48 ", "10.0.0.0/8", "fd00:9::%1/48", "/48", "fd00:9::/", "x/48"});
  wrong_texts(
      call, "ipv6",
      {"fd00:9::1/48", "fe80::/48", "ff02::/48", "::/48", "fd00:::/48", "fd00:9/48", "0.0.0.0/48"},
      document::allows);
  wrong(call, "ipv4", no_texts);
  wrong_texts(call, "ipv4",
              {"", "10.0.0.0", "10.0.0.0/7", "10.0.0.0/33", "10.0.0.0/08", "10.0.0/8", "fd00::/48",
               "10.0.0.0/8 ", "10.0.0.0/255.0.0.0"});
  wrong_texts(call, "ipv4",
              {"10.0.0.1/24", "256.0.0.0/8", "010.0.0.0/8", "0.0.0.0/8", "127.0.0.0/8",
               "169.254.0.0/16", "224.0.0.0/8", "255.255.255.255/32"},
              document::allows);
  wrong(call, "dns",
        {"1", "true", "{}", "\"fd00::53\"", "[1]", "[null]", "[[]]", "[\"\"]", "[\"a name\"]",
         "[\"fd00::53%eth0\"]", "[\"10.0.0.0/8\"]"});
  wrong(call, "dns", {"[\"10.0.0\"]", "[\"fd00::53\", \"1.2.3.4.5\"]"}, document::allows);
  // What no peer reaches, or one thing twice.
  wrong(call, "dns",
        {"[\"0.0.0.0\"]", "[\"127.0.0.53\"]", "[\"224.0.0.251\"]", "[\"::1\"]", "[\"fe80::1\"]",
         "[\"10.0.0.1\", \"10.0.0.1\"]"},
        document::allows);
  wrong(call, "dns", many(9, "\"fd00::53\""));
  wrong(call, "allowed_ips",
        {"1", "true", "{}", "\"fd00::/48\"", "[]", "[1]", "[null]", "[\"\"]", "[\"10.0.0.0\"]",
         "[\"10.0.0.0/\"]", "[\"host/8\"]"});
  wrong(call, "allowed_ips",
        {"[\"10.0.0.1/8\"]", "[\"10.0.0.0/33\"]", "[\"fd00::/129\"]", "[\"127.0.0.0/8\"]",
         "[\"fe80::/10\"]", "[\"224.0.0.0/4\"]", "[\"ff00::/8\"]", "[\"::1/128\"]",
         "[\"169.254.169.254/32\"]", "[\"fd00::/48\", \"fd00::/48\"]"},
        document::allows);
  wrong(call, "allowed_ips", many(65, "\"fd00::/48\""));
}

void wrong_tokens() {
  const valid_call& call = post_token;
  wrong(call, "name", no_texts);
  wrong_texts(call, "name",
              {std::string(101, 'a'), "a\nb", "a\x7f", "\x1b[0m", std::string("a\0b", 3),
               std::string(60'000, 'a')});
  wrong_texts(call, "name", {std::string(99, 'a') + "\u00e9"}, document::allows);
  wrong_label(call, "network");
  add({call.method, call.path, body_of(with(call.body, "network", "\"nowhere\"")), 404, "network"});
  wrong(call, "scopes",
        {"", "null", "1", "{}", "\"admin\"", "[]", "[1]", "[null]", "[\"\"]", "[\"Admin\"]",
         "[\"nobody\"]", "[\"admin\", \"nobody\"]"});
  wrong(call, "scopes", {"[\"gateways:manage\"]"}, document::allows);  // of one network
  wrong(call, "scopes", many(17, "\"admin\""));
  wrong_number(call, "expires_in_s", {"0", "315360001"});
  wrong_number(call, "max_peers", {"0", "1000001"});
  wrong_number(call, "max_ttl_s", {"0", "315360001"});
}

/// What is no JSON object, or one with a member too many, for every call that takes a body.
void wrong_bodies() {
  for (const valid_call& call : calls_with_body) {
    const std::string good = body_of(call.body);
    const std::string open = good.substr(0, good.size() - 1);
    for (const std::string& text :
         {std::string(),
          std::string("null"),
          std::string("[]"),
          "[" + good + "]",
          std::string("\"x\""),
          std::string("1"),
          good + good,
          good + "x",
          open,
          good.substr(0, good.size() / 2),
          open + ",}",
          "/* c */" + good,
          "\xef\xbb\xbf" + good,
          open + ", \"x\": \"\xff\"}",
          open + ", \"x\": \"\xc3\"}",
          open + ", \"\xff\": 1}",
          open + ", \"x\": \"\\ud800\"}",
          open + ", \"x\": NaN}",
          open + ", \"x\": 01}",
          open + ", \"x\": \"\n\"}",
          open + ", 'x': 1}",
          open + ", x: 1}",
          open + ", \"x\": " + std::string(17, '[') + std::string(17, ']') + "}",
          std::string(60'000, '['),
          std::string(30'000, ' ')}) {
      add({call.method, call.path, text, 400, ""});
    }
    for (const auto& [name, value] : call.body)
      add({call.method, call.path, open + ", " + in_quotes(name) + ": " + value + "}", 400, name});
    add({call.method, call.path, open + R"(, "x": {"y": 1, "y": 2}})", 400, "y"});
    add({call.method, call.path, open + R"(, "x": 1})", 400, "x", document::forbids});
    add({call.method, call.path, open + R"(, "Public_key": null})", 400, "Public_key"});
    add({call.method, call.path, open + R"(, "__proto__": {}})", 400, "__proto__"});
    const std::string odd = std::string(63, 'a') + "\u00e9";
    add({call.method, call.path, open + ", \"" + odd + "\": 1}", 400, odd.substr(0, 63)});
    for (const char* media : {"", "text/plain", "application/json5", "application",
                              "application/x-www-form-urlencoded", "text/json; application/json"}) {
      add({call.method, call.path, good, 415, "", document::has_no_say, media});
    }
  }
}

struct place {
  std::string method;
  std::string before;  // of the segment
  std::string after;
  std::string field;
};

const std::vector<place> places = {
    {"GET", "/v1/networks/", "", "network"},
    {"DELETE", "/v1/networks/", "", "network"},
    {"GET", "/v1/gateways/", "", "gateway"},
    {"DELETE", "/v1/gateways/", "", "gateway"},
    {"PUT", "/v1/gateways/", "/drain", "gateway"},
    {"POST", "/v1/networks/", "/peers", "network"},
    {"GET", "/v1/networks/", "/peers", "network"},
    {"PUT", "/v1/networks/", "/peers/there", "network"},
    {"GET", "/v1/networks/", "/peers/there", "network"},
    {"DELETE", "/v1/networks/", "/peers/there", "network"},
    {"PUT", "/v1/networks/acme/peers/", "", "name"},
    {"GET", "/v1/networks/acme/peers/", "", "name"},
    {"DELETE", "/v1/networks/acme/peers/", "", "name"},
    {"DELETE", "/v1/tokens/", "", "id"},
};

const texts no_segments = {"A",     "-a",     "a-",  "a_b", "a.b",    "%20",       "a%2Fb",
                           "..%2F", "%C3%A9", "%0A", "a+b", too_long, far_too_long};

std::string body_for(const place& one) {
  if (one.method == "POST") return body_of(with(post_peer.body, "name", ""));
  if (one.after == "/drain") return body_of(put_drain.body);
  return one.method == "PUT" ? body_of(with(put_there.body, "name", "")) : "";
}

void wrong_paths() {
  for (const place& one : places) {
    const std::string body = body_for(one);
    for (const std::string& segment : no_segments)
      add({one.method, one.before + segment + one.after, body, 400, one.field});
    for (const char* segment : {"%ff", "%zz", "%", "%4", "%00", "%C3"})
      add({one.method, one.before + segment + one.after, body, 400, ""});
    // A PUT of a name that is not there makes it.
    const bool makes = one.method == "PUT" && one.field == "name";
    if (!makes) add({one.method, one.before + "nowhere" + one.after, body, 404, one.field});
    add({one.method, one.before + "a" + one.after + "/", body, 404, ""});
    add({one.method, one.before + "a" + one.after + "?x=1", body, 400, "x"});
  }
  for (const char* path : {"/", "/v1", "/v1/", "/v2/networks", "/v1/networks/", "//v1/networks",
                           "/v1//networks", "/v1/Networks", "/V1/networks", "/v1/networks/a/b"})
    add({"GET", path, "", 404, ""});
  add({"PATCH", "/v1/networks", "{}", 405, ""});
  add({"PUT", "/v1/networks", "{}", 405, ""});
  add({"POST", "/v1/networks/acme/peers/there", "{}", 405, ""});
  add({"DELETE", "/v1/networks/acme/peers", "", 405, ""});
  add({"PUT", "/v1/tokens/" + std::string(60, 'a'), "{}", 405, ""});
  add({"BREW", "/healthz", "", 405, ""});
}

void wrong_queries() {
  const std::string list = "/v1/networks/acme/peers?";
  for (const char* limit :
       {"", "0", "-1", "1001", "1.5", "+1", "1e1", "a", "0x1", "%201", "99999999999999999999"})
    add({"GET", list + "limit=" + limit, "", 400, "limit"});
  for (const char* stale : {"", "0", "-1", "315360001", "1.5", "30d", "99999999999999999999"})
    add({"GET", list + "stale_s=" + stale, "", 400, "stale_s"});
  for (const char* cursor : {"", "A", "-", "a%2Fb", "a%20", "%C3%A9", "a'--"})
    add({"GET", list + "cursor=" + cursor, "", 400, "cursor"});
  for (const char* name : {"limit", "stale_s", "cursor"}) {
    add({"GET", list + name, "", 400, name});
    add({"GET", list + name + "=%zz", "", 400, name});
    add({"GET", list + name + "=1&" + name + "=1", "", 400, name});
  }
  add({"GET", list + "Limit=1", "", 400, "Limit"});
  add({"GET", list + "limit=1&after=a", "", 400, "after"});
  add({"GET", list + "%zz=1", "", 400, ""});
  const std::string name(70, 'b');
  add({"GET", list + name + "&" + name, "", 400, name.substr(0, 64)});
  for (const valid_call& call : calls_with_body)
    add({call.method, call.path + "?wait=1", body_of(call.body), 400, "wait"});
  for (const char* path : {"/v1/networks", "/v1/gateways", "/v1/tokens"})
    add({"GET", path + std::string("?limit=1"), "", 400, "limit"});
}

void wrong_headers(const std::string& secret) {
  std::string other_id = secret, other_end = secret, upper = secret;
  other_id[4] = other_id[4] == 'a' ? 'b' : 'a';
  other_end.back() = other_end.back() == 'a' ? 'b' : 'a';
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  const std::vector<texts> headers = {{},
                                      {""},
                                      {"Bearer"},
                                      {"Bearer "},
                                      {secret},
                                      {"Basic " + secret},
                                      {"Bearer" + secret},
                                      {"Bearer " + secret + " "},
                                      {"Bearer " + secret + "a"},
                                      {"Bearer " + secret.substr(0, secret.size() - 1)},
                                      {"Bearer " + other_id},
                                      {"Bearer " + other_end},
                                      {"Bearer " + upper},
                                      {"Bearer \"" + secret + "\""},
                                      {"Bearer " + secret.substr(4)},
                                      {"Bearer prg_"},
                                      {"Bearer " + std::string(5'000, 'a')},
                                      {"Bearer " + std::string("prg_") + std::string(51, '_')},
                                      {"Bearer \xff\xfe"},
                                      {"Bearer " + secret, "Bearer " + secret}};
  for (const texts& each : headers) {
    row get{"GET", "/v1/networks", "", 401, ""};
    get.authorization = each;
    if (each.empty()) get.authorization = {"none"};
    add(get);
    row post{"POST", post_peer.path, body_of(post_peer.body), 401, ""};
    post.authorization = get.authorization;
    add(post);
  }
}

class bad_input : public api_fixture {
 protected:
  bad_input() {
    make_network("acme");
    EXPECT_EQ(enrol("there", 1).status, 201);
    table.clear();
  }

  void hold(const row& one) {
    http::request request;
    request.method = one.method;
    const auto mark = one.target.find('?');
    request.path = one.target.substr(0, mark);
    if (mark != std::string::npos) request.query = one.target.substr(mark + 1);
    if (!one.media.empty()) request.headers.emplace_back("Content-Type", one.media);
    if (one.authorization.empty()) {
      request.headers.emplace_back("Authorization", "Bearer " + admin());
    }
    for (const std::string& each : one.authorization)
      if (each != "none") request.headers.emplace_back("Authorization", each);
    request.body = one.body;
    const std::string path = request.path;
    const api_answer got = send(std::move(request));
    EXPECT_EQ(got.status, one.status) << got.raw.body;
    EXPECT_EQ(got.at("field"), one.field) << got.raw.body;
    EXPECT_NE(got.at("detail"), "");
    EXPECT_TRUE(one.status != 400 || got.at("detail").contains(one.field));
    for (const std::string& secret : {admin(), admin().substr(15), secret_psk.substr(2, 36)})
      EXPECT_EQ(got.raw.body.find(secret), std::string::npos) << got.raw.body;
    if (one.says == document::has_no_say) return;
    const auto body = json::parse(one.body);
    ASSERT_TRUE(body);
    const bool forbids = !held_.body_faults(one.method, path, *body).empty();
    EXPECT_EQ(forbids, one.says == document::forbids) << "by openapi.json";
  }

 private:
  openapi_check held_{openapi_document()};
};

TEST_F(bad_input, is_named_and_changes_nothing) {
  wrong_enrolments();
  wrong_networks();
  wrong_tokens();
  wrong_bodies();
  wrong_paths();
  wrong_queries();
  wrong_headers(admin());
  ASSERT_GT(table.size(), 1'200U);
  const auto before = stored();
  std::size_t commits = store().commits;
  for (std::size_t i = 0; i < table.size(); ++i) {
    const row& one = table[i];
    SCOPED_TRACE("row " + std::to_string(i) + ": " + one.method + " " + one.target.substr(0, 200) +
                 " " + one.body.substr(0, 300));
    hold(one);
    // To remove what is not there is left to the store to refuse.
    if (one.method == "DELETE") commits = store().commits;
    ASSERT_EQ(store().commits, commits);
    ASSERT_EQ(stored(), before);
  }
}

/// So that each row above is refused for the one thing that is wrong in it.
TEST_F(bad_input, is_made_from_what_is_taken) {
  for (const valid_call& call : calls_with_body) {
    const api_answer got = ask(call.method, call.path, body_of(call.body));
    EXPECT_LT(got.status, 300) << call.method << " " << call.path << ": " << got.raw.body;
    if (call.path == post_peer.path) ask("DELETE", post_peer.path + "/fresh");
  }
}

}  // namespace
}  // namespace peerage
