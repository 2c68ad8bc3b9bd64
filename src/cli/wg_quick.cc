#include "cli/wg_quick.h"

#include <string>
#include <string_view>

#include "base/base64.h"
#include "cli/answers.h"
#include "model/gateway.h"
#include "model/ip.h"
#include "model/name.h"

namespace peerage::cli {
namespace {

std::unexpected<error> unusable(std::string_view member_name) {
  return fail(errc::corrupt,
              "the server's answer has no usable \"" + std::string(member_name) + "\"",
              std::string(member_name));
}

/// A list of addresses or prefixes, each parsed and printed anew; of one family, where `only` says.
template <class Item>
result<std::string> list_of(const json::value& peer, std::string_view name, bool may_be_empty,
                            std::optional<family> only) {
  const json::value& found = member(peer, name);
  const json::array* items = found.if_array();
  if (items == nullptr && !(may_be_empty && found.is_null())) return unusable(name);
  std::string out;
  bool any = false;
  for (const json::value& item : items == nullptr ? json::array() : *items) {
    const auto* text = item.if_string();
    if (text == nullptr) return unusable(name);
    const auto parsed = Item::parse({text->data(), text->size()});
    if (!parsed) return unusable(name);
    any = true;
    if (only && parsed->family() != *only) continue;
    out += (out.empty() ? "" : ", ") + parsed->text();
  }
  if (!any && !may_be_empty) return unusable(name);
  if (out.empty() && !may_be_empty) {
    return fail(errc::unsupported,
                "its network gives it no " + std::string(name_of(*only)) +
                    (name == "addresses" ? " address" : " route"),
                std::string(name));
  }
  return out;
}

std::string key_line(std::string_view name, const std::optional<secret_key>& key) {
  if (!key) return {};
  std::string text = base64_encode(key->reveal());
  std::string line = std::string(name) + " = " + text + "\n";
  wipe(text.data(), text.size());
  return line;
}

struct served_by {
  std::string comment;
  std::string public_key;
  std::string endpoint;
  std::uint32_t mtu = usual_mtu;
};

result<served_by> gateway_of(const json::value& peer) {
  const json::value& gateway = member(peer, "gateway");
  const std::string name = text_of(peer, "name"), network = text_of(peer, "network");
  const std::string by = text_of(gateway, "name"), region = text_of(gateway, "region");
  for (const auto& [text, what] : {std::pair{&name, "name"},
                                   {&network, "network"},
                                   {&by, "gateway.name"},
                                   {&region, "gateway.region"}}) {
    if (!is_label(*text)) return unusable(what);
  }
  const auto key = public_key::parse(text_of(gateway, "public_key"));
  if (!key) return unusable("gateway.public_key");
  auto endpoint = parse_endpoint(text_of(gateway, "endpoint"));
  if (!endpoint) return unusable("gateway.endpoint");
  // A server of an earlier version does not say it.
  const auto mtu = count_of(gateway, "mtu");
  const bool fits = mtu && *mtu >= least_mtu && *mtu <= most_mtu;
  if (!fits && !member(gateway, "mtu").is_null()) return unusable("gateway.mtu");
  return served_by{"# " + name + " in " + network + ", on " + by + " (" + region + ")\n",
                   key->text(), std::move(*endpoint),
                   fits ? static_cast<std::uint32_t>(*mtu) : usual_mtu};
}

/// Whether a host with that family alone can reach it, as far as the text tells.
bool reachable_by(family only, std::string_view endpoint) {
  if (endpoint.starts_with('[')) return only == family::ipv6;
  const auto address = ip_address::parse(endpoint.substr(0, endpoint.rfind(':')));
  return !address || only == family::ipv4;
}

/// For whoever has the private key elsewhere.
std::string key_wanted(const std::string& of) {
  return "# Put the private key of " + of + " here:\n# PrivateKey =\n";
}

}  // namespace

std::string_view name_of(family which) {
  return which == family::ipv4 ? "IPv4" : "IPv6";
}

result<secret_text> wg_quick_text(const json::value& peer,
                                  const std::optional<secret_key>& private_key,
                                  const std::optional<secret_key>& preshared_key,
                                  std::optional<family> only) {
  const auto gateway = gateway_of(peer);
  if (!gateway) return std::unexpected(gateway.error());
  const auto addresses = list_of<prefix>(peer, "addresses", false, only);
  if (!addresses) return std::unexpected(addresses.error());
  const auto routes = list_of<prefix>(peer, "allowed_ips", false, only);
  if (!routes) return std::unexpected(routes.error());
  const auto dns = list_of<ip_address>(peer, "dns", true, only);
  if (!dns) return std::unexpected(dns.error());
  if (only && !reachable_by(*only, gateway->endpoint)) {
    return fail(errc::unsupported,
                "its gateway's endpoint, " + gateway->endpoint + ", can't be reached over " +
                    std::string(name_of(*only)),
                "gateway.endpoint");
  }
  const auto keepalive = count_of(peer, "keepalive_s");
  if (!member(peer, "keepalive_s").is_null() && (!keepalive || *keepalive > 65'535)) {
    return unusable("keepalive_s");
  }

  const auto own = public_key::parse(text_of(peer, "public_key"));
  if (!own && !private_key) return unusable("public_key");
  std::string secret = private_key ? key_line("PrivateKey", private_key) : key_wanted(own->text());
  std::string shared = key_line("PresharedKey", preshared_key);
  std::string text = gateway->comment;
  // Room for all of it at once: a text that grows leaves copies of the keys behind.
  text.reserve(text.size() + addresses->size() + routes->size() + dns->size() + 1024);
  text += "[Interface]\n";
  text += secret;
  text += "Address = " + *addresses + "\n";
  if (!dns->empty()) text += "DNS = " + *dns + "\n";
  if (gateway->mtu != usual_mtu) text += "MTU = " + std::to_string(gateway->mtu) + "\n";
  text += "\n[Peer]\nPublicKey = " + gateway->public_key + "\n";
  text += shared;
  text += "Endpoint = " + gateway->endpoint + "\n";
  text += "AllowedIPs = " + *routes + "\n";
  if (keepalive && *keepalive != 0) {
    text += "PersistentKeepalive = " + std::to_string(*keepalive) + "\n";
  }
  wipe(secret.data(), secret.size());
  wipe(shared.data(), shared.size());
  return secret_text(std::move(text));
}

}  // namespace peerage::cli
