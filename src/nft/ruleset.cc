#include "nft/ruleset.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string_view>

#include "ports/link.h"

namespace peerage::nft {
namespace {

// Each family has the same rules. To take one out of 10,000 intervals costs 14 ms, and of as many
// addresses 0.06 ms, so sets are of masked addresses wherever a length of the prefixes is known: a
// network's IPv6 prefixes are all of one, and for IPv4 there are sets and rules for each length
// that is in use, of which there are a few.
struct set_kind {
  std::string name;
  std::string type;
};
const std::array fixed_sets{
    set_kind{"here", "ipv6_addr"},  // the gateway's own addresses
    set_kind{"tenants6", "ipv6_addr"},
    set_kind{"own6", "ipv6_addr . ipv6_addr"},  // peers here . their whole network
    // The same within what networks are taken from: said for just that network.
    set_kind{"inner6", "ipv6_addr . ipv6_addr; flags interval"},
    set_kind{"routes6", "ipv6_addr . ipv6_addr; flags interval"},  // peers here . a route
    set_kind{"routes4", "ipv4_addr . ipv4_addr; flags interval"},
};

/// Unique-local addresses, which networks are taken from: also those that have no peers here.
const prefix networks = prefix::parse("fd00::/8").value();

/// By set.
using elements = std::map<std::string, std::set<std::string>>;

std::string tenants4(unsigned length) {
  return "tenants4-" + std::to_string(length);
}
std::string own4(unsigned length) {
  return "own4-" + std::to_string(length);
}

/// Of the networks' IPv4 ranges.
using lengths = std::set<unsigned>;

std::vector<set_kind> sets_of(const lengths& all) {
  std::vector<set_kind> made;
  for (const unsigned each : all) {
    made.push_back({tenants4(each), "ipv4_addr"});
    made.push_back({own4(each), "ipv4_addr . ipv4_addr"});
  }
  return made;
}

lengths lengths_of(const wall_plan& plan) {
  lengths made;
  for (const tenant& each : plan.tenants) {
    if (each.ipv4) made.insert(each.ipv4->length());
  }
  return made;
}

lengths without(const lengths& all, const lengths& some) {
  lengths made;
  std::ranges::set_difference(all, some, std::inserter(made, made.end()));
  return made;
}

/// nftables wants no two elements that overlap: a route within another adds nothing.
std::vector<prefix> disjoint(const std::vector<prefix>& routes) {
  std::vector<prefix> made;
  for (const prefix& each : routes) {
    const bool covered = std::ranges::any_of(
        routes, [&](const prefix& other) { return other != each && other.contains(each); });
    if (!covered && std::ranges::find(made, each) == made.end()) made.push_back(each);
  }
  return made;
}

elements elements_of(const wall_plan& plan) {
  elements made;
  for (const tenant& each : plan.tenants) {
    const std::string own = each.own.text();
    made["here"].insert(each.gateway.text());
    made["tenants6"].insert(each.whole.address().text());
    made["own6"].insert(each.own.address().text() + " . " + each.whole.address().text());
    if (each.ipv4) {
      const std::string address = each.ipv4->address().text();
      made[tenants4(each.ipv4->length())].insert(address);
      made[own4(each.ipv4->length())].insert(address + " . " + address);
    }
    for (const prefix& route : disjoint(each.routes)) {
      const bool six = route.address().family() == family::ipv6;
      const char* set = networks.contains(route) ? "inner6" : "routes6";
      if (six) made[set].insert(own + " . " + route.text());
      // Without an IPv4 address of its own no peer can use such a route.
      if (!six && each.ipv4) made["routes4"].insert(each.ipv4->text() + " . " + route.text());
    }
  }
  return made;
}

std::string listed(const std::set<std::string>& from) {
  std::string text;
  for (const std::string& each : from) text += (text.empty() ? "" : ", ") + each;
  return text;
}

std::string command(const char* verb, const std::string& table, const std::string& set,
                    const std::set<std::string>& what) {
  if (what.empty()) return {};
  return std::string(verb) + " element inet " + table + " " + set + " { " + listed(what) + " }\n";
}

std::string opened(const std::vector<port_opening>& ports) {
  std::string rules;
  for (const port_opening& each : ports) {
    rules += "    ip6 daddr @here " + each.protocol + " dport " + std::to_string(each.port) +
             " accept\n";
  }
  return rules;
}

// $PASS sets the mark without which no rule of the host's routing lets a packet pass: see
// link_plan. What comes from peers is judged before it is routed, and before anybody else's rules.
constexpr std::string_view chains = R"(  chain same-network4-from {}
  chain other-network4-from {}
  chain same-network4-to {}
  chain other-network4-to {}
  chain from-peers {
    ip6 saddr & $OWN . ip6 daddr & $WHOLE @own6 $PASS accept
    jump same-network4-from
    ip6 daddr & $WHOLE @tenants6 drop
    jump other-network4-from
    ip6 saddr . ip6 daddr @inner6 $PASS accept
    ip6 daddr $NETWORKS drop
    ip6 saddr . ip6 daddr @routes6 $PASS accept
    ip saddr . ip daddr @routes4 $PASS accept
    drop
  }
  chain to-peers {
    iifname "$INTERFACE" ip6 daddr & $OWN . ip6 saddr & $WHOLE @own6 accept
    iifname "$INTERFACE" jump same-network4-to
    ip6 saddr & $WHOLE @tenants6 drop
    jump other-network4-to
    ip6 daddr . ip6 saddr @inner6 accept
    ip6 saddr $NETWORKS drop
    ip6 daddr . ip6 saddr @routes6 accept
    ip daddr . ip saddr @routes4 accept
    drop
  }
  chain to-host {
    ip6 daddr @here icmpv6 type { echo-request, echo-reply } accept
    ip6 daddr @here ct state related icmpv6 type { 1-4 } accept
$OPEN    drop
  }
  chain prerouting {
    type filter hook prerouting priority -300; policy accept;
    iifname "$INTERFACE" jump from-peers
  }
  chain input {
    type filter hook input priority -150; policy accept;
    iifname "$INTERFACE" jump to-host
  }
  chain forward {
    type filter hook forward priority -150; policy accept;
    iifname "$INTERFACE" tcp flags syn tcp option maxseg size set rt mtu
    oifname "$INTERFACE" tcp flags syn tcp option maxseg size set rt mtu
    oifname "$INTERFACE" jump to-peers
  }
)";

std::string filled(std::string text, std::string_view word, const std::string& with) {
  for (std::size_t at = 0; (at = text.find(word, at)) != std::string::npos; at += with.size())
    text.replace(at, word.size(), with);
  return text;
}

std::string pass_mark() {
  return "meta mark set meta mark | " + std::to_string(passed_mark);
}

constexpr std::array chains_by_length{"same-network4-from", "other-network4-from",
                                      "same-network4-to", "other-network4-to"};

/// A rule for each length in each of the chains that ask for IPv4 networks.
std::string rules_by_length(const std::string& table, const lengths& all) {
  std::string text;
  for (const unsigned length : all) {
    const std::string mask = prefix::of(ip_address::v4(~0U), length).address().text();
    const std::string from = "ip saddr & " + mask, to = "ip daddr & " + mask;
    const auto add = [&](const char* chain, const std::string& rule) {
      text += "add rule inet " + table + " " + chain + " " + rule + "\n";
    };
    add("same-network4-from",
        from + " . " + to + " @" + own4(length) + " " + pass_mark() + " accept");
    add("same-network4-to", to + " . " + from + " @" + own4(length) + " accept");
    add("other-network4-from", to + " @" + tenants4(length) + " drop");
    add("other-network4-to", from + " @" + tenants4(length) + " drop");
  }
  return text;
}

std::string chains_of(const wall_options& options) {
  const std::string pass = pass_mark();
  std::string text = filled(std::string(chains), "$PASS", pass);
  text = filled(std::move(text), "$OWN", "ffff:ffff:ffff:ffff::");
  text = filled(std::move(text), "$WHOLE", "ffff:ffff:ffff::");
  text = filled(std::move(text), "$NETWORKS", networks.text());
  text = filled(std::move(text), "$OPEN", opened(options.open));
  return filled(std::move(text), "$INTERFACE", options.interface);
}

}  // namespace

std::string demolish(const wall_options& options) {
  // Deleting one that is not there is an error, and adding one that is, is none.
  return "add table inet " + options.table + "\ndelete table inet " + options.table + "\n";
}

std::string build(const wall_options& options, const wall_plan& plan) {
  std::string text = demolish(options) + "table inet " + options.table + " {\n";
  const auto declare = [&text](const auto& sets) {
    for (const set_kind& each : sets) {
      text += "  set " + each.name + " { type " + each.type + "; }\n";
    }
  };
  declare(fixed_sets);
  declare(sets_of(lengths_of(plan)));
  text += chains_of(options) + "}\n" + rules_by_length(options.table, lengths_of(plan));
  for (const auto& [set, all] : elements_of(plan)) {
    text += command("add", options.table, set, all);
  }
  return text;
}

std::string change(const wall_options& options, const wall_plan& from, const wall_plan& to) {
  elements before = elements_of(from);
  elements after = elements_of(to);
  const lengths old = lengths_of(from), now = lengths_of(to);
  std::string removed, new_sets, old_sets, added;
  const auto compare = [&](const std::string& set) {
    const auto& had = before[set];
    const auto& wanted = after[set];
    std::set<std::string> gone, fresh;
    std::ranges::set_difference(had, wanted, std::inserter(gone, gone.end()));
    std::ranges::set_difference(wanted, had, std::inserter(fresh, fresh.end()));
    removed += command("delete", options.table, set, gone);
    added += command("add", options.table, set, fresh);
  };
  for (const set_kind& each : fixed_sets) compare(each.name);
  for (const set_kind& each : sets_of(now)) compare(each.name);
  if (old == now) return removed + added;
  const std::string in = " inet " + options.table + " ";
  for (const set_kind& each : sets_of(without(now, old))) {
    new_sets += "add set" + in + each.name + " { type " + each.type + "; }\n";
  }
  // With all that is in them, once no rule asks for them.
  for (const set_kind& each : sets_of(without(old, now))) {
    old_sets += "delete set" + in + each.name + "\n";
  }
  std::string rules;
  for (const char* const each : chains_by_length) rules += "flush chain" + in + each + "\n";
  rules += rules_by_length(options.table, now);
  return removed + new_sets + rules + old_sets + added;
}

}  // namespace peerage::nft
