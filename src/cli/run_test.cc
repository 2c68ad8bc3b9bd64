#include "cli/run.h"

#include "cli/answers.h"
#include "cli/commands.h"
#include "cli/fixture.h"

namespace peerage::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::UnorderedElementsAre;

const std::string peers = "/v1/networks/acme/peers";

/// 2027-01-15T08:00:00 is the clock of these tests.
std::string peer(std::string_view name, std::string_view state) {
  return R"({"name":")" + std::string(name) + R"(","network":"acme","state":")" +
         std::string(state) + R"(","addresses":["fd00::2/128"],"gateway":{"name":"gw-1",
         "region":"fra"},"created_at":"2027-01-15T07:59:48.000Z","expires_at":null})";
}

std::string page(const std::vector<std::string>& items, const std::string& cursor = "null") {
  std::string text;
  for (const std::string& each : items) text += (text.empty() ? "" : ",") + each;
  return R"({"items":[)" + text + R"(],"next_cursor":)" + cursor + "}";
}

TEST_F(command, list_goes_through_every_page) {
  api_.on("GET " + peers + "?limit=1000", 200, page({peer("a", "live")}, "\"x/y\""));
  api_.on("GET " + peers + "?limit=1000&cursor=x%2Fy", 200, page({peer("b", "pending")}));
  const ran ended = run_command({"list"});
  ASSERT_EQ(ended.status, 0) << ended.err;
  EXPECT_EQ(ended.out,
            "NAME  STATE    GATEWAY  ADDRESSES    CREATED   EXPIRES\n"
            "a     live     gw-1     fd00::2/128  12 s ago  never\n"
            "b     pending  gw-1     fd00::2/128  12 s ago  never\n");
  EXPECT_EQ(ended.err, "");
  const auto data = json::parse(run_command({"list", "--json"}).out).value();
  EXPECT_EQ(items_of(data).size(), 2U);
  EXPECT_TRUE(member(data, "next_cursor").is_null());
}

TEST_F(command, list_and_show_say_why_a_peer_is_not_live) {
  std::string pending = peer("b", "pending");
  pending.insert(pending.size() - 1, R"(,"reason":"the network is the host's own")");
  api_.on("GET " + peers + "?limit=1000", 200, page({peer("a", "live"), pending}));
  const ran listed = run_command({"list"});
  EXPECT_THAT(listed.out, HasSubstr("EXPIRES  REASON\n"));
  EXPECT_THAT(listed.out, HasSubstr("never    the network is the host's own\n"));
  api_.on("GET " + peers + "/b", 200, pending);
  EXPECT_THAT(run_command({"show", "b"}).out, HasSubstr("the network is the host's own\n"));
}

TEST_F(command, a_list_without_an_end_is_left) {
  api_.on("GET " + peers + "?limit=1000", 200, page({}, "\"x\""));
  api_.on("GET " + peers + "?limit=1000&cursor=x", 200, page({}, "\"x\""));
  EXPECT_EQ(run_command({"list"}).status, 1);
  EXPECT_EQ(api_.calls().size(), 2U) << "a cursor that comes again is the end";
}

TEST_F(command, list_stale_asks_the_server_in_seconds) {
  api_.on("GET " + peers + "?limit=1000&stale_s=2592000", 200, page({}));
  const ran ended = run_command({"list", "--stale", "30d"});
  EXPECT_EQ(ended.status, 0);
  EXPECT_EQ(ended.out, "");
  EXPECT_THAT(ended.err, HasSubstr("no peer of acme is stale"));
}

TEST_F(command, colours_only_on_a_terminal_that_wants_them) {
  api_.on("GET " + peers + "?limit=1000", 200, page({peer("a", "live")}));
  EXPECT_THAT(run_command({"list"}).out, Not(HasSubstr("\x1b")));
  terminal_ = true;
  EXPECT_THAT(run_command({"list"}).out, HasSubstr("\x1b[32mlive\x1b[0m"));
  environment_["NO_COLOR"] = "1";
  EXPECT_THAT(run_command({"list"}).out, Not(HasSubstr("\x1b")));
}

TEST_F(command, text_from_the_server_can_not_drive_the_terminal) {
  api_.on("GET " + peers + "?limit=1000", 200, page({R"({"name":"a\u001b[2Jb","state":"x\ny"})"}));
  const ran ended = run_command({"list"});
  EXPECT_THAT(ended.out, HasSubstr("a?[2Jb"));
  EXPECT_THAT(ended.out, HasSubstr("x?y"));
  api_.on("GET " + peers + "/a", 404, R"({"detail":"\u001b[31mred\r\n"})");
  EXPECT_THAT(run_command({"show", "a"}).err, HasSubstr("?[31mred??"));
}

TEST_F(command, status_is_human_and_pending_is_exit_3) {
  std::string live = peer("a", "live");
  live.insert(live.size() - 1, R"(,"rx_bytes":1258291,"tx_bytes":10,"endpoint":"198.51.100.7:9",
    "last_handshake_at":"2027-01-15T07:59:00.000Z")");
  api_.on("GET " + peers + "/a", 200, live);
  api_.on("GET " + peers + "/b", 200, peer("b", "pending"));
  const ran ended = run_command({"status", "a"});
  EXPECT_EQ(ended.status, 0);
  EXPECT_THAT(ended.out, HasSubstr("last handshake   60 s ago\n"));
  EXPECT_THAT(ended.out, HasSubstr("received         1.2 MiB\n"));
  EXPECT_THAT(ended.out, HasSubstr("gateway          gw-1 (fra)\n"));
  EXPECT_EQ(run_command({"status", "b"}).status, 3);
  EXPECT_EQ(run_command({"status", "b", "--json"}).status, 3);
  EXPECT_EQ(run_command({"show", "b"}).status, 0);
}

TEST_F(command, a_network_need_not_be_named_where_there_is_one) {
  environment_.erase("PEERAGE_NETWORK");
  api_.on("GET /v1/networks", 200, page({R"({"name":"acme"})"}));
  api_.on("GET " + peers + "/a", 200, peer("a", "live"));
  EXPECT_EQ(run_command({"show", "a"}).status, 0);
  EXPECT_THAT(api_.calls(), ElementsAre("GET /v1/networks", "GET " + peers + "/a"));
}

TEST_F(command, a_network_must_be_named_where_there_are_more_or_none) {
  environment_.erase("PEERAGE_NETWORK");
  api_.on("GET /v1/networks", 200, page({R"({"name":"acme"})", R"({"name":"beta"})"}));
  api_.on("GET /v1/networks", 200, page({}));
  const ran more = run_command({"create"});
  EXPECT_EQ(more.status, 2);
  EXPECT_THAT(more.err, HasSubstr("acme, beta"));
  const ran none = run_command({"create"});
  EXPECT_EQ(none.status, 2);
  EXPECT_THAT(none.err, HasSubstr("`peerage networks create NAME`"));
  EXPECT_EQ(api_.calls().size(), 2U);
}

TEST_F(command, of_many_networks_ten_are_named_and_all_are_counted) {
  environment_.erase("PEERAGE_NETWORK");
  std::vector<std::string> all;
  for (int i = 100; i < 455; ++i) all.push_back(R"({"name":"n)" + std::to_string(i) + "\"}");
  api_.on("GET /v1/networks", 200, page(all));
  const ran ended = run_command({"list"});
  EXPECT_EQ(ended.status, 2);
  EXPECT_THAT(ended.err, HasSubstr("n100, n101, "));
  EXPECT_THAT(ended.err, HasSubstr(", n109 and 345 more"));
  EXPECT_THAT(ended.err, Not(HasSubstr("n110")));
  EXPECT_THAT(ended.err, HasSubstr("`peerage networks`"));
}

TEST_F(command, json_shows_no_character_that_a_terminal_obeys) {
  const std::string hostile = R"({"items":[{"id":"a","name":"\u202eevil\u009b2J\u061c\u2066\u200f)"
                              R"(\ufeff\udb40\udc41é😀\u001b\u007f\n"}],)"
                              R"("next_cursor":null})";
  api_.on("GET /v1/tokens", 200, hostile);
  const ran ended = run_command({"tokens", "--json"});
  ASSERT_EQ(ended.status, 0) << ended.err;
  EXPECT_THAT(ended.out,
              HasSubstr(R"("\u202eevil\u009b2J\u061c\u2066\u200f\ufeff\udb40\udc41é😀\u001b)"));
  EXPECT_EQ(json::parse(ended.out).value(), json::parse(hostile).value()) << "it says the same";
  const ran table = run_command({"tokens"});
  EXPECT_THAT(table.out, HasSubstr("?evil?2J?????é😀???"));
}

TEST_F(command, a_token_that_is_not_valid_is_told_once) {
  const std::string said = "the token is not valid here: unknown, revoked or expired";
  api_.on("GET /v1/tokens", 401, fake_api::problem(401, said).body);
  EXPECT_EQ(run_command({"tokens"}).err, "peerage: can't list the tokens: " + said + "\n");
}

TEST_F(command, remove_removes_many_and_the_worst_end_counts) {
  std::vector<std::string> arguments{"remove", "--json"};
  for (int i = 0; i < 40; ++i) {
    const std::string name = "p" + std::to_string(i);
    api_.on("DELETE " + peers + "/" + name, 204, "");
    arguments.push_back(name);
  }
  const ran all = run_command(arguments);
  EXPECT_EQ(all.status, 0) << all.err;
  EXPECT_EQ(json::parse(all.out).value().at("removed").as_array().size(), 40U);
  EXPECT_EQ(api_.calls().size(), 40U);

  api_.on("DELETE " + peers + "/late", 202, R"({"state":"pending"})");
  const ran late = run_command({"remove", "p0", "late"});
  EXPECT_EQ(late.status, 3);
  EXPECT_THAT(late.err, HasSubstr("late: pending"));
  EXPECT_THAT(late.err, HasSubstr("p0: removed"));
  const ran missing = run_command({"remove", "missing", "late", "p0"});
  EXPECT_EQ(missing.status, 1);
  EXPECT_THAT(missing.err, HasSubstr("can't remove missing from acme"));
  EXPECT_THAT(missing.err, HasSubstr("p0: removed")) << "the others are removed all the same";
}

TEST_F(command, remove_without_a_server_is_exit_4) {
  {
    const fake_api gone;
    environment_["PEERAGE_SERVER"] = gone.url();
  }
  EXPECT_EQ(run_command({"remove", "a", "b"}).status, 4);
}

TEST_F(command, a_bulk_removal_asks_first) {
  const std::string list = "GET " + peers + "?limit=1000&stale_s=60";
  api_.on(list, 200, page({peer("a", "live"), peer("b", "live"), R"({"name":"../x"})"}));
  api_.on("DELETE " + peers + "/a", 204, "");
  api_.on("DELETE " + peers + "/b", 204, "");
  const ran no_terminal = run_command({"remove", "--stale", "1m"});
  EXPECT_EQ(no_terminal.status, 2);
  EXPECT_THAT(no_terminal.err, HasSubstr("--yes"));
  terminal_ = true;
  for (const char* reply : {"", "\n", "n\n", "yep\n"}) {
    typed_ = reply;
    const ran declined = run_command({"remove", "--stale", "1m"});
    EXPECT_EQ(declined.status, 1) << reply;
    EXPECT_THAT(declined.err, HasSubstr("Remove these 2 peers? [y/N]"));
    EXPECT_THAT(declined.err, HasSubstr("nothing was removed"));
  }
  for (const std::string& call : api_.calls()) EXPECT_EQ(call, list);
  typed_ = "y\n";
  EXPECT_EQ(run_command({"remove", "--stale", "1m"}).status, 0);
  terminal_ = false;
  EXPECT_EQ(run_command({"remove", "--stale", "1m", "--yes"}).status, 0);
  EXPECT_EQ(api_.calls().size(), 5U + 3U + 3U);
}

TEST_F(command, remove_wants_names_or_stale_and_not_both) {
  EXPECT_EQ(run_command({"remove"}).status, 2);
  EXPECT_EQ(run_command({"remove", "a", "--stale", "1h"}).status, 2);
  EXPECT_EQ(run_command({"remove", "a", "B"}).status, 2);
  EXPECT_TRUE(api_.calls().empty());
}

TEST_F(command, gateways_are_listed_drained_and_removed) {
  api_.on("GET /v1/gateways", 200,
          page({R"({"name":"gw-1","number":1,"region":"fra","endpoint":"h:1","live":true,
                    "draining":true,"device":"kernel","peers":3,"capacity":10})",
                R"({"name":"gw-2","region":"iad","live":false})"}));
  EXPECT_EQ(run_command({"gateways"}).out,
            "NAME  REGION  STATE           PEERS  DEVICE  ENDPOINT\n"
            "gw-1  fra     live, draining  3/10   kernel  h:1\n"
            "gw-2  iad     away            ?\n");
  api_.on("PUT /v1/gateways/gw-1/drain", 200, R"({"name":"gw-1","peers":3})");
  EXPECT_EQ(run_command({"gateways", "drain", "gw-1"}).err,
            "gw-1: draining; no new peers, and 3 are still on it\n");
  EXPECT_EQ(run_command({"gateways", "undrain", "gw-1"}).status, 0);
  EXPECT_EQ(text_of(json::parse(run_command({"gateways", "drain", "gw-1", "--json"}).out).value(),
                    "name"),
            "gw-1");
  EXPECT_EQ(body_of(1), json::parse(R"({"drain":true})").value());
  EXPECT_EQ(body_of(2), json::parse(R"({"drain":false})").value());
  api_.on("DELETE /v1/gateways/gw-1", 409, R"({"detail":"it has peers"})");
  EXPECT_THAT(run_command({"gateways", "remove", "gw-1"}).err, HasSubstr("drain it"));
  EXPECT_EQ(run_command({"gateways", "drain", "GW"}).status, 2);
}

TEST_F(command, networks_are_made_shown_and_removed) {
  const std::string acme = R"({"name":"acme","ipv6":"fd00::/48","ipv4":null,"dns":["fd00::53"],
    "allowed_ips":["fd00::/48"],"created_at":"2027-01-15T07:59:48.000Z"})";
  api_.on("POST /v1/networks", 201, acme);
  const ran made = run_command({"networks", "create", "acme", "--ipv4", "10.0.0.0/24", "--dns",
                                "fd00::53,fd00::54", "--dns", "fd00::55"});
  ASSERT_EQ(made.status, 0) << made.err;
  EXPECT_EQ(body_of(0), json::parse(R"({"name":"acme","ipv4":"10.0.0.0/24",
                                        "dns":["fd00::53","fd00::54","fd00::55"]})")
                            .value());
  EXPECT_THAT(made.out, HasSubstr("IPv6         fd00::/48\n"));
  api_.on("GET /v1/networks", 200, page({acme}));
  EXPECT_EQ(run_command({"networks"}).out, run_command({"networks", "list"}).out);
  EXPECT_EQ(run_command({"networks"}).out,
            "NAME  IPV6       IPV4  DNS\nacme  fd00::/48        fd00::53\n");
  api_.on("GET /v1/networks/acme", 200, acme);
  EXPECT_THAT(run_command({"networks", "show", "acme"}).out, HasSubstr("created      12 s ago"));
  api_.on("DELETE /v1/networks/acme", 409, R"({"detail":"it has peers"})");
  EXPECT_THAT(run_command({"networks", "remove", "acme"}).err,
              HasSubstr("it has peers; `peerage list --network acme` shows"));
}

TEST_F(command, a_tokens_secret_is_alone_on_standard_output) {
  api_.on("POST /v1/tokens", 201,
          R"({"id":"t1","name":"ci","network":null,"scopes":["peers:write"],"expires_at":null,
              "token":"pg_abc"})");
  const ran made = run_command({"tokens", "create", "ci", "--scope", "peers:write", "--expires",
                                "1d", "--max-peers", "200", "--max-ttl", "6h"});
  ASSERT_EQ(made.status, 0) << made.err;
  EXPECT_EQ(made.out, "pg_abc\n");
  EXPECT_THAT(made.err, Not(HasSubstr("pg_abc")));
  EXPECT_EQ(body_of(0), json::parse(R"({"name":"ci","scopes":["peers:write"],"expires_in_s":86400,
                            "max_peers":200,"max_ttl_s":21600})")
                            .value())
      << "PEERAGE_NETWORK does not narrow it";
  run_command({"tokens", "create", "--scope", "a,b", "--network", "beta"});
  EXPECT_EQ(body_of(1), json::parse(R"({"scopes":["a","b"],"network":"beta"})").value());
  EXPECT_EQ(run_command({"tokens", "create"}).status, 2);
  for (const char* odd : {"0", "-1", "many", "7x", "99999999999"}) {
    EXPECT_EQ(run_command({"tokens", "create", "--scope", "a", "--max-peers", odd}).status, 2);
  }
  api_.on("GET /v1/tokens", 200,
          page({R"({"id":"t1","scopes":["admin"]})",
                R"({"id":"t2","scopes":["a"],"max_peers":200,"max_ttl_s":60})",
                R"({"id":"t3","scopes":["a"],"max_peers":null,"max_ttl_s":60})"}));
  const std::string list = run_command({"tokens"}).out;
  EXPECT_THAT(list, HasSubstr("t1        all      admin   none                  never"));
  EXPECT_THAT(list, HasSubstr("200 peers, 60 s each  never"));
  EXPECT_THAT(list, HasSubstr("a       60 s each "));
  api_.on("DELETE /v1/tokens/t1", 204, "");
  EXPECT_EQ(run_command({"tokens", "remove", "t1"}).err, "token t1: removed\n");
}

TEST_F(command, the_audit_is_a_table_of_the_newest) {
  const std::string list = R"({"items":[
      {"at":"2026-11-28T03:00:00.000Z","token":"t1","remote":"192.0.2.7","did":"rekeyed",
       "network":"acme","peer":"ci","gateway":"gw-1","made_token":null,"status":200},
      {"at":"2026-11-28T02:00:00.000Z","token":"t1","remote":"192.0.2.7","did":"created",
       "network":"acme","peer":null,"gateway":null,"made_token":"t9","status":201},
      {"at":"2026-11-28T01:00:00.000Z","token":"t1","remote":"::1","did":"changed",
       "network":null,"peer":null,"gateway":"gw-1","made_token":null,"status":200}],
      "next_cursor":null,"process":"p","lost":LOST})";
  const auto with_lost = [&list](const std::string& lost) {
    std::string made = list;
    return made.replace(made.find("LOST"), 4, lost);
  };
  api_.on("GET /v1/audit?limit=100", 200, with_lost("0"));
  const ran shown = run_command({"audit"});
  ASSERT_EQ(shown.status, 0) << shown.err;
  EXPECT_THAT(shown.out, HasSubstr("2026-11-28T03:00:00.000Z  t1     192.0.2.7  rekeyed  acme/ci"));
  EXPECT_THAT(shown.out, HasSubstr("created  token t9"));
  EXPECT_THAT(shown.out, HasSubstr("changed  gw-1 "));
  EXPECT_EQ(shown.err, "");
  api_.on("GET /v1/audit?limit=7", 200, with_lost("3"));
  EXPECT_THAT(run_command({"audit", "--limit", "7"}).err, HasSubstr("3 entries are lost"));
  EXPECT_THAT(run_command({"audit", "--limit", "7", "--json"}).out, HasSubstr("\"process\""));
  EXPECT_EQ(run_command({"audit", "--limit", "all"}).status, 2);
}

TEST_F(command, json_shows_the_problem_document_too) {
  api_.on("GET " + peers + "/a", 404, R"({"title":"Not Found","status":404,"detail":"no a"})");
  const ran ended = run_command({"show", "a", "--json"});
  EXPECT_EQ(ended.status, 1);
  EXPECT_EQ(text_of(json::parse(ended.out).value(), "detail"), "no a");
  EXPECT_THAT(ended.err, HasSubstr("no a"));
}

TEST_F(command, standard_output_that_takes_nothing_is_a_failure) {
  std::istringstream in;
  std::ostringstream err;
  std::ostream out(nullptr);
  surroundings world{.in = in, .out = out, .err = err, .now = [] { return wall_time{}; }};
  const char* argv[] = {"peerage", "version"};
  EXPECT_EQ(run(2, argv, world), 1);
  EXPECT_THAT(err.str(), HasSubstr("can't write to standard output"));
}

TEST_F(command, helps_where_it_is_asked_and_where_it_is_not) {
  EXPECT_EQ(run_command({"help"}).status, 0);
  EXPECT_THAT(run_command({"help", "create"}).out, HasSubstr("--public-key K"));
  EXPECT_EQ(run_command({"create", "--help"}).out, run_command({"help", "create"}).out);
  EXPECT_EQ(run_command({"networks", "create", "-h"}).out,
            run_command({"help", "networks", "create"}).out);
  const ran nothing = run_command({});
  EXPECT_EQ(nothing.status, 2);
  EXPECT_EQ(nothing.out, "");
  EXPECT_EQ(run_command({"help", "creat"}).status, 2);
  for (const command_spec& each : commands()) {
    EXPECT_TRUE(help_text(each.words).has_value()) << each.words;
  }
  EXPECT_EQ(run_command({"version"}).out, "peerage " PEERAGE_VERSION "\n");
  EXPECT_EQ(run_command({"--version"}).out, "peerage " PEERAGE_VERSION "\n");
  EXPECT_TRUE(api_.calls().empty());
}

TEST_F(command, completion_knows_every_word) {
  const std::string script = run_command({"completion", "bash"}).out;
  EXPECT_THAT(script, HasSubstr("complete -F _peerage peerage"));
  for (const command_spec& each : commands()) {
    const std::string_view last = each.words.substr(each.words.rfind(' ') + 1);
    EXPECT_THAT(script, HasSubstr(std::string(last)));
    for (const option_spec& option : each.options) {
      EXPECT_THAT(script, HasSubstr(std::string(option.name)));
    }
  }
  EXPECT_EQ(run_command({"completion", "zsh"}).status, 2);
}

}  // namespace
}  // namespace peerage::cli
