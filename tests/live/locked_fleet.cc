#include "tests/live/locked_fleet.h"

#include <sys/stat.h>

#include <fstream>

#include "json/json.h"

namespace peerage::live {
namespace {

std::string packaged(const std::string& file) {
  return PEERAGE_SOURCE_DIR "/packaging/" + file;
}

std::string line(const std::string& name, const std::string& value) {
  return name + " = \"" + value + "\"\n";
}

}  // namespace

locked_fleet::locked_fleet() : all([this](fleet& on) { lock(on); }) {}

void locked_fleet::lock(fleet& on) const {
  std::map<std::string, std::string> environment{{"NATS_CERT", made.file("server.pem")},
                                                 {"NATS_KEY", made.file("server.key")}};
  for (const auto& [who, variable] :
       std::map<std::string, std::string>{{"api", "PEERAGE_API_NKEY"},
                                          {"gw-fra-1", "PEERAGE_NKEY_1"},
                                          {"gw-iad-1", "PEERAGE_NKEY_2"}}) {
    std::string open = must_run({binary("peeraged"), "--new-nkey", nkey_file(who)});
    open.pop_back();
    environment[variable] = open;
  }
  on.nats.lock(packaged("nats/nats.conf"), environment);
  on.consul.lock(
      R"(acl { enabled = true, default_policy = "deny", tokens { master = "root-token" } })",
      master);
}

/// A token with the policy of the file, as it is for this gateway.
void locked_fleet::make_token(const std::string& file, const std::string& name) const {
  std::string rules = text_of_file(packaged("consul/" + file));
  for (std::size_t at = 0; (at = rules.find("gw-fra-1", at)) != std::string::npos;) {
    rules.replace(at, 8, name);
    at += name.size();
  }
  const json::object policy{{"Name", name}, {"Rules", rules}};
  all.consul.tell("/v1/acl/policy", json::serialize(policy));
  const json::object wish{{"Policies", json::array{json::object{{"Name", name}}}}};
  const auto said = json::parse(all.consul.tell("/v1/acl/token", json::serialize(wish)), 16);
  std::ofstream(token_file(name)) << std::string(said.value().at("SecretID").as_string()) << "\n";
  ::chmod(token_file(name).c_str(), 0600);
}

node_options locked_fleet::options_of(const std::string& who) {
  make_token(who == "api" ? "api.hcl" : "agent.hcl", who);
  node_options options;
  options.store_lines = line("token_file", token_file(who));
  options.bus_lines = line("nkey_file", nkey_file(who)) + line("ca_file", made.file("ca.pem"));
  return options;
}

}  // namespace peerage::live
