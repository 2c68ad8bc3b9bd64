#include "config/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace peerage {
namespace {

using testing::HasSubstr;

result<daemon_config> parse(std::string_view text) {
  return parse_daemon_config(text, "peeraged.toml", "Host.Example");
}

std::string message_of(std::string_view text) {
  const auto parsed = parse(text);
  return parsed ? "accepted" : parsed.error().message;
}

TEST(daemon_config, without_a_file_there_are_both_roles_with_the_defaults) {
  const auto config = default_daemon_config("Gw-1.Example.net");
  ASSERT_TRUE(config.has_value());
  EXPECT_EQ(config->state_dir, "/var/lib/peerage");
  EXPECT_EQ(config->store.path, "/var/lib/peerage/peerage.db");
  ASSERT_TRUE(config->api.has_value());
  EXPECT_EQ(config->api->listen, "127.0.0.1:7420");
  ASSERT_TRUE(config->gateway.has_value());
  const gateway_config& gateway = *config->gateway;
  EXPECT_EQ(gateway.name.text(), "gw-1-example-net");
  EXPECT_EQ(gateway.region.text(), "local");
  EXPECT_FALSE(gateway.endpoint.has_value());
  EXPECT_EQ(gateway.interface, "wg0");
  EXPECT_EQ(gateway.listen_port, 51820);
  EXPECT_FALSE(gateway.mtu) << "what the uplink leaves";
  EXPECT_FALSE(gateway.named);
  EXPECT_EQ(gateway.forwarding, forwarding_choice::tell);
  EXPECT_EQ(gateway.device, device_choice::automatic);
  EXPECT_EQ(gateway.private_key_file, "/var/lib/peerage/gateway.key");
  EXPECT_EQ(gateway.reconcile, seconds{30});
  EXPECT_EQ(gateway.admin_listen, "127.0.0.1:7421");
  EXPECT_FALSE(gateway.adopt);
}

TEST(daemon_config, an_empty_section_is_a_role_with_the_defaults) {
  const auto config = parse("state_dir = \"/srv/p\"\n[api]\n[gateway]\n");
  ASSERT_TRUE(config.has_value());
  EXPECT_TRUE(config->api.has_value());
  ASSERT_TRUE(config->gateway.has_value());
  EXPECT_EQ(config->gateway->name.text(), "host-example");
  EXPECT_EQ(config->gateway->private_key_file, "/srv/p/gateway.key");
  EXPECT_EQ(config->store.path, "/srv/p/peerage.db");
}

TEST(daemon_config, proxies_are_ranges_addresses_and_the_unix_socket) {
  const auto api = parse(R"([gateway]
[api]
listen = "unix:/run/peerage/api.sock"
trusted_proxies = ["10.0.0.0/8", "2001:db8::5", "unix:"]
proxy_protocol = true
)");
  ASSERT_TRUE(api) << api.error().message;
  EXPECT_EQ(api->api->listen, "unix:/run/peerage/api.sock");
  EXPECT_THAT(api->api->trusted_proxies,
              testing::ElementsAre("10.0.0.0/8", "2001:db8::5", "unix:"));
  EXPECT_TRUE(api->api->proxy_protocol);
  for (const char* no : {"\"10.0.0.0/8\"", "[\"10.0.0.1/8\"]", "[\"proxy\"]", "[1]", "[\"\"]",
                         "[\"unix:/run/x\"]", "[\"10.0.0.0/33\"]"}) {
    EXPECT_THAT(message_of("[api]\ntrusted_proxies = " + std::string(no)),
                HasSubstr("peeraged.toml:2: api.trusted_proxies must be a list like"))
        << no;
  }
  EXPECT_THAT(message_of("[gateway]\n[api]\nproxy_protocol = true\n"),
              HasSubstr("name them in api.trusted_proxies"));
  EXPECT_THAT(message_of("[api]\nproxy_protocol = 1\n"), HasSubstr("true or false"));
  const std::string longest = "unix:/" + std::string(106, 'x');
  EXPECT_EQ(message_of("[gateway]\n[api]\nlisten = \"" + longest + "\"\n"), "accepted");
  for (const std::string& no : {std::string("unix:"), std::string("unix:/"), std::string("unix:x"),
                                longest + "x", std::string("unix:/a\\nb")}) {
    EXPECT_THAT(message_of("[api]\nlisten = \"" + no + "\"\n"), HasSubstr("api.listen must be"));
  }
}

TEST(daemon_config, the_apis_limits_are_numbers) {
  const auto usual = parse("[gateway]\n[api]\n").value().api.value();
  EXPECT_EQ(usual.token_creations_per_s, 100U);
  EXPECT_EQ(usual.network_creations_per_s, 200U);
  EXPECT_EQ(usual.connections, 4'096U);
  EXPECT_EQ(usual.connections_per_host, 1'024U);
  EXPECT_EQ(usual.requests, 1'024U);
  EXPECT_EQ(usual.requests_per_host, 512U);
  const auto own = parse(
                       "[gateway]\n[api]\ntoken_creations_per_s = 0\nnetwork_creations_per_s = 1\n"
                       "connections = 2\nconnections_per_host = 3\nrequests = 4\n"
                       "requests_per_host = 1000000\n")
                       .value()
                       .api.value();
  EXPECT_EQ(own.token_creations_per_s, 0U);
  EXPECT_EQ(own.network_creations_per_s, 1U);
  EXPECT_EQ(own.connections, 2U);
  EXPECT_EQ(own.connections_per_host, 3U);
  EXPECT_EQ(own.requests, 4U);
  EXPECT_EQ(own.requests_per_host, 1'000'000U);
  for (const char* key : {"token_creations_per_s", "network_creations_per_s", "connections",
                          "connections_per_host", "requests", "requests_per_host"}) {
    for (const char* odd : {"-1", "1000001", "\"1\"", "1.5", "true"}) {
      EXPECT_THAT(message_of("[api]\n" + std::string(key) + " = " + odd),
                  HasSubstr("api." + std::string(key) + " must be a whole number from "));
    }
  }
  EXPECT_THAT(message_of("[api]\nrequests = 0"), HasSubstr("from 1 to 1000000"));
}

TEST(daemon_config, the_audit_has_a_folder_and_so_many_days) {
  const auto usual = parse("state_dir = \"/srv/p\"\n[gateway]\n[api]\n").value().api.value();
  EXPECT_EQ(usual.audit_dir, "/srv/p/audit");
  EXPECT_EQ(usual.audit_keep, std::chrono::days{90});
  const auto own = parse("[gateway]\n[api]\naudit_dir = \"/var/log/p\"\naudit_keep_days = 3650")
                       .value()
                       .api.value();
  EXPECT_EQ(own.audit_dir, "/var/log/p");
  EXPECT_EQ(own.audit_keep, std::chrono::days{3'650});
  EXPECT_EQ(usual.audit_max_bytes, 1'000'000'000U);
  EXPECT_EQ(parse("[gateway]\n[api]\naudit_max_mb = 5").value().api->audit_max_bytes, 5'000'000U);
  for (const char* odd : {"0", "1000001", "1.5", "\"5\""}) {
    EXPECT_THAT(message_of("[api]\naudit_max_mb = " + std::string(odd)),
                HasSubstr("api.audit_max_mb must be a whole number of megabytes"));
  }
  for (const char* odd : {"0", "3651", "\"7\"", "1.5"}) {
    EXPECT_THAT(message_of("[api]\naudit_keep_days = " + std::string(odd)),
                HasSubstr("api.audit_keep_days must be a whole number of days from 1 to 3650"));
  }
  EXPECT_THAT(message_of("[api]\naudit_dir = \"\""), HasSubstr("must be a path in quotes"));
}

TEST(daemon_config, every_key_is_taken) {
  const auto config = parse(R"(
state_dir = "/srv/state"
[store]
kind = "sqlite"
path = "/srv/db"
[bus]
kind = "local"
[api]
listen = "[::1]:0"
[gateway]
name = "gw-fra-1"
region = "fra"
endpoint = "vpn.example.com:51821"
interface = "wg-fra"
listen_port = 51821
mtu = 1380
forwarding = "set"
device = "userspace"
private_key_file = "/srv/key"
reconcile_s = 60
admin_listen = "127.0.0.1:0"
adopt = true
)");
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_EQ(config->state_dir, "/srv/state");
  EXPECT_EQ(config->store.path, "/srv/db");
  EXPECT_EQ(config->api->listen, "[::1]:0");
  const gateway_config& gateway = *config->gateway;
  EXPECT_EQ(gateway.name.text(), "gw-fra-1");
  EXPECT_EQ(gateway.region.text(), "fra");
  EXPECT_EQ(gateway.endpoint, "vpn.example.com:51821");
  EXPECT_EQ(gateway.interface, "wg-fra");
  EXPECT_EQ(gateway.listen_port, 51821);
  EXPECT_EQ(gateway.mtu, 1'380U);
  EXPECT_TRUE(gateway.named);
  EXPECT_EQ(gateway.forwarding, forwarding_choice::set);
  EXPECT_EQ(gateway.device, device_choice::userspace);
  EXPECT_EQ(gateway.private_key_file, "/srv/key");
  EXPECT_EQ(gateway.reconcile, seconds{60});
  EXPECT_EQ(gateway.admin_listen, "127.0.0.1:0");
  EXPECT_TRUE(gateway.adopt);
}

TEST(daemon_config, a_host_name_that_makes_no_label_asks_for_a_name) {
  const auto config = default_daemon_config("...");
  ASSERT_FALSE(config.has_value());
  EXPECT_EQ(config.error().field, "gateway.name");
  EXPECT_THAT(config.error().message, HasSubstr("set it"));
  EXPECT_TRUE(parse_daemon_config("[api]\n[gateway]\nname = \"a\"\n", "f", "...").has_value());
  std::string long_name(62, 'x');
  long_name.append(".y");
  const auto longest = default_daemon_config(long_name);
  ASSERT_TRUE(longest.has_value());
  EXPECT_EQ(longest->gateway->name.text(), std::string(62, 'x')) << "cut at a dash";
}

struct wrong {
  const char* text;
  const char* message;
};

void expect_refused(const std::string& text, const char* message) {
  const auto parsed = parse(text);
  ASSERT_FALSE(parsed.has_value()) << text;
  EXPECT_EQ(parsed.error().code, errc::invalid);
  EXPECT_THAT(parsed.error().message, HasSubstr(message)) << text;
  EXPECT_THAT(parsed.error().message, testing::StartsWith("peeraged.toml:")) << text;
  EXPECT_EQ(parsed.error().message.find('\n'), std::string::npos) << text;
}

TEST(daemon_config, every_key_wrong_in_every_way_is_one_clear_line) {
  const wrong table[] = {
      {"state_dir = 1", ":1: state_dir must be a path in quotes, not 1"},
      {"state_dir = \"\"", ":1: state_dir must be a path in quotes, not \"\""},
      {"state_dir = \"a\\nb\"", "not \"a?b\""},
      {"[api]\nnetwork_ranges = [\"fd00::/8\", \"foo\"]", "\"10.0.0.0/8\", not \"foo\""},
      {"[api]\nnetwork_ranges = [7]", "not 7"},
      {"user = \"nobody\"\n[api]", ":1: user must be the name of a user of its own"},
      {"[store]\nkind = 1", ":2: store.kind must be \"sqlite\" or \"consul\", not 1"},
      {"[store]\nkind = \"my\"", ":2: store.kind must be \"sqlite\" or \"consul\", not \"my\""},
      {"[store]\npath = [\"a\"]", ":2: store.path must be a path in quotes, not a list"},
      {"[bus]\nservers = [\"http://me:word@h:1\"]", ", not \"http://h:1\""},
      {"[bus]\nservers = [\"me:word@h:1\"]", ", not \"h:1\""},
      {"[gateway]\nname = \"me@h:1\"", ", not \"me@h:1\""},
      {"[bus]\nkind = true", ":2: bus.kind must be \"local\" or \"nats\", not true"},
      {"[api]\nlisten = 7420", ":2: api.listen must be \"ADDRESS:PORT\""},
      {"[api]\nlisten = \"localhost:1\"", "not \"localhost:1\""},
      {"[api]\nlisten = \"127.0.0.1\"", "ADDRESS:PORT"},
      {"[api]\nlisten = \"127.0.0.1:\"", "ADDRESS:PORT"},
      {"[api]\nlisten = \"127.0.0.1:65536\"", "ADDRESS:PORT"},
      {"[api]\nlisten = \"::1:80\"", "ADDRESS:PORT"},
      {"[api]\nlisten = \"[127.0.0.1]:80\"", "ADDRESS:PORT"},
      {"[gateway]\nname = \"Gw\"", ":2: gateway.name must be a label"},
      {"[gateway]\nname = \"\"", ":2: gateway.name must be a label"},
      {"[gateway]\nname = 1.5", "not a number with a fraction"},
      {"[gateway]\nregion = \"fra_1\"", ":2: gateway.region must be a label"},
      {"[gateway]\nregion = 1979-05-27", "not a date or time"},
      {"[gateway]\nendpoint = \"host\"", ":2: gateway.endpoint must be \"ADDRESS:PORT\" or"},
      {"[gateway]\nendpoint = 51820", ":2: gateway.endpoint must be"},
      {"[gateway]\ninterface = \"\"", ":2: gateway.interface must be an interface's name"},
      {"[gateway]\ninterface = \"..\"", "interface's name"},
      {"[gateway]\ninterface = \"wg/0\"", "interface's name"},
      {"[gateway]\ninterface = \"sixteen-letters-\"", "1 to 15"},
      {"[gateway]\nlisten_port = 0", "a whole number from 1 to 65535, not 0"},
      {"[gateway]\nlisten_port = 65536", "not 65536"},
      {"[gateway]\nlisten_port = \"51820\"", "not \"51820\""},
      {"[gateway]\ndevice = \"kernal\"", "\"auto\", \"kernel\" or \"userspace\""},
      {"[gateway]\ndevice = false", "not false"},
      {"[gateway]\nprivate_key_file = 1", ":2: gateway.private_key_file must be a path"},
      {"[gateway]\nreconcile_s = 0", "seconds from 1 to 86400, not 0"},
      {"[gateway]\nreconcile_s = 86401", "not 86401"},
      {"[gateway]\nreconcile_s = 1.5", "gateway.reconcile_s"},
      {"[gateway]\nadmin_listen = \"x\"", ":2: gateway.admin_listen must be"},
      {"[gateway]\nmtu = 1279",
       ":2: gateway.mtu must be a whole number from 1280 to 65455, not 1279"},
      {"[gateway]\nforwarding = true",
       ":2: gateway.forwarding must be \"tell\", \"set\" or \"ignore\", not true"},
      {"[gateway]\nadopt = 1", ":2: gateway.adopt must be true or false, not 1"},
      {"api = 1", ":1: api must be a section [api], not 1"},
      {"[[gateway]]\n", ":1: gateway must be a section [gateway], not a list"},
      {"[gateway]\nprot = 1", ":2: unknown key gateway.prot"},
      {"[gateway]\nlisten_prot = 1", "gateway.listen_prot; did you mean gateway.listen_port?"},
      {"[gateway]\nlisten = \"x\"", "unknown key gateway.listen"},
      {"listen = \"x\"", "unknown key listen; did you mean api.listen?"},
      {"\n\n[gatewy]\nname = \"a\"", ":3: unknown section [gatewy]; did you mean [gateway]?"},
      {"[logging]", ":1: unknown section [logging]"},
      {"[gateway.tls]\nx = 1", "unknown key gateway.tls"},
      {"[gateway]\n\"\" = 1", "unknown key gateway."},
      {"", "neither [api] nor [gateway]"},
      {"[store]\nkind = \"sqlite\"", "neither [api] nor [gateway]"},
      {"[api]\nlisten = ", "peeraged.toml:2: is not TOML"},
      {"[api]\n[api]", "is not TOML"},
      {"[gateway]\nname = \"a\"\nname = \"b\"", ":3: is not TOML"},
  };
  for (const auto& [text, message] : table) expect_refused(text, message);
}

TEST(daemon_config, the_api_speaks_tls_where_others_listen) {
  for (const auto& [text, words] : std::vector<std::pair<std::string, std::string>>{
           {"cert_file = \"a\"", "api.key_file is missing"},
           {"key_file = \"a\"", "api.cert_file is missing"},
           {"cert_file = \"a\"\nkey_file = \"b\"\nplain_http = true", "api.plain_http is for"},
           {"listen = \"192.0.2.1:7420\"", "api.listen is not a loopback address"},
           {"listen = \"0.0.0.0:7420\"", "api.listen is not a loopback address"},
           {"listen = \"[::]:7420\"", "api.listen is not a loopback address"},
           {"plain_http = 1", "api.plain_http must be true or false"}}) {
    EXPECT_THAT(message_of("[api]\n" + text + "\n[gateway]"), HasSubstr(words)) << text;
  }
  for (const std::string text :
       {"listen = \"192.0.2.1:7420\"\nplain_http = true", "listen = \"[::1]:7420\"",
        "listen = \"192.0.2.1:7420\"\ncert_file = \"a\"\nkey_file = \"b\""}) {
    EXPECT_TRUE(parse_daemon_config("[api]\n" + text + "\n[gateway]", "x", "host")) << text;
  }
}

constexpr std::string_view fleet = R"(
[store]
kind = "consul"
address = "https://consul.example:8501"
prefix = "wg/"
token_file = "/etc/p/consul-token"
ca_file = "/etc/p/ca.pem"
cert_file = "/etc/p/cert.pem"
key_file = "/etc/p/key.pem"
[bus]
kind = "nats"
servers = ["nats://a:4222", "tls://b:4222"]
credentials_file = "/etc/p/creds"
nkey_file = "/etc/p/nkey"
ca_file = "/etc/p/nats-ca.pem"
)";

result<daemon_config> parse_fleet(std::string_view more) {
  std::string text(fleet);
  text += more;
  return parse(text);
}

TEST(daemon_config, a_fleet_has_consul_nats_and_one_role_a_process) {
  const auto config = parse_fleet("[api]\n");
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_FALSE(config->gateway);
  EXPECT_EQ(config->store.kind, store_kind::consul);
  EXPECT_EQ(config->store.address, "https://consul.example:8501");
  EXPECT_EQ(config->store.prefix, "wg/");
  EXPECT_EQ(config->store.token_file, "/etc/p/consul-token");
  EXPECT_EQ(config->store.tls.ca, "/etc/p/ca.pem");
  EXPECT_EQ(config->store.tls.cert, "/etc/p/cert.pem");
  EXPECT_EQ(config->store.tls.key, "/etc/p/key.pem");
  EXPECT_EQ(config->store.path, "");
  EXPECT_EQ(config->bus.kind, bus_kind::nats);
  EXPECT_EQ(config->bus.servers, (std::vector<std::string>{"nats://a:4222", "tls://b:4222"}));
  EXPECT_EQ(config->bus.credentials_file, "/etc/p/creds");
  EXPECT_EQ(config->bus.nkey_file, "/etc/p/nkey");
  EXPECT_EQ(config->bus.tls.ca, "/etc/p/nats-ca.pem");
  EXPECT_TRUE(parse_fleet("[gateway]\n")->gateway);
}

TEST(daemon_config, one_role_alone_needs_what_two_processes_can_share) {
  EXPECT_THAT(
      message_of("[api]\n"),
      HasSubstr(": there is no section [gateway], so another process has that role, and the "
                "two need a store that both can reach"));
  EXPECT_THAT(message_of("[gateway]\n"), HasSubstr("set [store] kind = \"consul\""));
  EXPECT_THAT(message_of("[store]\nkind = \"consul\"\n[gateway]\n"),
              HasSubstr("set [bus] kind = \"nats\""));
}

TEST(daemon_config, backends_that_make_no_sense_are_refused) {
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {"[store]\nkind = \"etcd\"", "store.kind must be"},
      {"[store]\naddress = \"consul:8500\"", "store.address must be"},
      {"[store]\nprefix = \"peerage\"", "store.prefix must be"},
      {"[store]\nkind = \"consul\"\npath = \"/x\"\n[api]\n[gateway]", "store.path is for"},
      {"[store]\ncert_file = \"/x\"\n[api]\n[gateway]", "store.key_file is missing"},
      {"[bus]\nkind = \"kafka\"", "bus.kind must be"},
      {"[bus]\nservers = []", "bus.servers must be"},
      {"[bus]\nservers = [\"a:4222\"]", "bus.servers must be"},
      {"[bus]\nkey_file = \"/x\"\n[api]\n[gateway]", "bus.cert_file is missing"},
  };
  for (const auto& [text, what] : wrong) EXPECT_THAT(message_of(text), HasSubstr(what)) << text;
}

TEST(daemon_config, a_long_value_is_quoted_in_part_and_never_cut_in_a_character) {
  const std::string umlauts =
      "\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6";
  std::string text = "[api]\nlisten = \"x";
  for (int i = 0; i < 10; ++i) text += umlauts;
  const std::string message = message_of(text + "\"");
  EXPECT_LT(message.size(), 200U);
  EXPECT_THAT(message, testing::EndsWith("\xc3\xb6…\""));
}

TEST(daemon_config, the_first_problem_of_the_file_is_the_one_named) {
  EXPECT_THAT(message_of("[gateway]\nlisten_port = 0\nadopt = 1\n[api]\nlisten = 1"),
              HasSubstr(":2: gateway.listen_port"));
  EXPECT_THAT(message_of("[api]\nlisten = 1\n[gateway]\nadopt = 1"), HasSubstr(":2: api.listen"));
}

TEST(daemon_config, a_message_is_one_line_whatever_the_file_says) {
  for (const std::string text :
       {"a = n\x05x", "\"a\\nb\" = 1", "[api]\n\"\\u001b[31m\" = 1", "[\"x\\ry\"]\nz = 1"}) {
    const auto parsed = parse_daemon_config(text, "peeraged.toml", "host");
    ASSERT_FALSE(parsed.has_value()) << text;
    for (const char c : parsed.error().message) EXPECT_GE(c, ' ') << parsed.error().message;
  }
}

TEST(daemon_config, no_malformed_section_ends_the_program) {
  for (const std::string text :
       {"[=]", "[\x0e]", "[ #", "[[.a]]", "\u00e9 = 1", "\ufcff[api]\n", "[\x0etore]\n[api]\n"}) {
    const auto parsed = parse_daemon_config(text, "peeraged.toml", "host");
    ASSERT_FALSE(parsed.has_value()) << text;
    EXPECT_THAT(parsed.error().message, HasSubstr("peeraged.toml:1: is not TOML")) << text;
  }
}

TEST(client_config, takes_what_it_knows_and_nothing_else) {
  const auto config = parse_client_config(
      "server = \"http://10.0.0.1:7420\"\nnetwork = \"acme\"\ntoken_file = \"~/t\"\nca_file = "
      "\"/ca\"\n",
      "config.toml");
  ASSERT_TRUE(config.has_value());
  EXPECT_EQ(config->server, "http://10.0.0.1:7420");
  EXPECT_EQ(config->network, "acme");
  EXPECT_EQ(config->token_file, "~/t");
  EXPECT_EQ(config->ca_file, "/ca");
  ASSERT_TRUE(parse_client_config("", "config.toml").has_value());

  const wrong table[] = {
      {"server = 1", "config.toml:1: server must be a URL"},
      {"network = \"Acme\"", "config.toml:1: network must be a network's name"},
      {"network = 1", "not 1"},
      {"token_file = \"\"", "token_file must be a path"},
      {"ca_file = 1", "ca_file must be a path"},
      {"[server]\nx = 1", "server must be a URL in quotes"},
      {"tokenfile = \"a\"", "unknown key tokenfile; did you mean token_file?"},
      {"[api]", "unknown section [api]"},
      {"server", "is not TOML"},
  };
  for (const auto& [text, message] : table) {
    const auto parsed = parse_client_config(text, "config.toml");
    ASSERT_FALSE(parsed.has_value()) << text;
    EXPECT_THAT(parsed.error().message, HasSubstr(message)) << text;
  }
}

TEST(client_config, a_token_written_into_the_file_is_not_repeated) {
  const auto parsed = parse_client_config("token = \"very-secret\"", "config.toml");
  ASSERT_FALSE(parsed.has_value());
  EXPECT_EQ(parsed.error().message.find("very-secret"), std::string::npos);
}

}  // namespace
}  // namespace peerage
