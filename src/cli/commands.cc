#include "cli/commands.h"

#include <array>
#include <limits>

namespace peerage::cli {
namespace {

constexpr std::size_t any_number = std::numeric_limits<std::size_t>::max();

constexpr auto create_options = std::to_array<option_spec>({
    {"--region", "R", "any live gateway of this region"},
    {"--gateway", "G", "this gateway"},
    {"--ttl", "T", "how long the peer lives: 90s, 15m, 1h, 30d; by default for ever"},
    {"--public-key", "K", "enrol this key; the private one stays where it is"},
    {"--preshared", "", "make a preshared key too"},
    {"--file", "F", "write the wg-quick file to F (0600) and not to standard output"},
    {"--force", "", "replace the file if it is there"},
    {"--ipv4-only", "", "a wg-quick file for a host without IPv6; the default on such a host"},
    {"--ipv6-only", "", "a wg-quick file without IPv4"},
    {"--qr", "", "show the wg-quick file as a QR code too, for a phone"},
    {"--qr-file", "F", "write the QR code to F (0600), a .png or .svg"},
});

constexpr auto reset_options = std::to_array<option_spec>({
    {"--region", "R", "move it to a live gateway of this region"},
    {"--gateway", "G", "move it to this gateway"},
    {"--public-key", "K", "use this key; the private one stays where it is"},
    {"--preshared", "", "make a preshared key too; without it the peer has none afterwards"},
    {"--file", "F", "write the wg-quick file to F (0600) and not to standard output"},
    {"--force", "", "replace the file if it is there"},
    {"--ipv4-only", "", "a wg-quick file for a host without IPv6; the default on such a host"},
    {"--ipv6-only", "", "a wg-quick file without IPv4"},
    {"--qr", "", "show the wg-quick file as a QR code too, for a phone"},
    {"--qr-file", "F", "write the QR code to F (0600), a .png or .svg"},
});

constexpr auto list_options = std::to_array<option_spec>({
    {"--stale", "T", "only peers without a handshake for so long: 30d"},
});

constexpr auto remove_options = std::to_array<option_spec>({
    {"--stale", "T", "every peer without a handshake for so long: 30d"},
    {"--yes", "", "do not ask"},
});

constexpr auto network_options = std::to_array<option_spec>({
    {"--ipv6", "P", "the network's /48; by default a random unique-local one"},
    {"--ipv4", "P", "a range that peers get an IPv4 address from, like 10.7.0.0/16"},
    {"--dns", "A", "a DNS server for its peers", true},
    {"--allowed-ips", "P", "what peers route into their tunnel; by default the network", true},
});

constexpr auto token_options = std::to_array<option_spec>({
    {"--scope", "S", "what it may do: peers:read, peers:write, peers:manage and others", true},
    {"--network", "N", "only in this network; here, only the flag counts"},
    {"--expires", "T", "how long it works: 12h, 90d; by default for ever"},
    {"--max-peers", "N", "so many peers made with it may be there at once"},
    {"--max-ttl", "T", "peers made with it expire, after so long at most"},
});

constexpr auto token_removal_options = std::to_array<option_spec>({
    {"--force", "",
     "remove the last admin token too: then only the daemon's host can make another"},
});

constexpr auto audit_options = std::to_array<option_spec>({
    {"--limit", "N", "so many of the newest, 100 where absent, 1000 at most"},
});

constexpr std::string_view create_text =
    "Makes a key pair on this machine, enrols the public key and prints a wg-quick file. The\n"
    "private key is never sent. Without NAME one is made.\n"
    "\n"
    "  peerage create laptop --file laptop.conf && sudo wg-quick up ./laptop.conf\n"
    "  peerage create ci-4711 --region fra --ttl 1h > /etc/wireguard/ci.conf\n"
    "  peerage create phone --qr-file phone.png --file phone.conf\n"
    "  peerage create job --ipv4-only > wg0.conf   # for a container without IPv6\n"
    "  wg genkey > key; peerage create box --public-key \"$(wg pubkey < key)\"\n"
    "\n"
    "Exit status 3: the peer is stored, but its gateway did not confirm it yet; the file is\n"
    "written all the same. `peerage status NAME` tells when it is live.\n";

constexpr std::string_view reset_text =
    "Gives an enrolled peer a new key, under the same name and address. When it returns, the old\n"
    "key is gone from the gateway. Prints a new wg-quick file, as create does. On another gateway\n"
    "the peer has another IPv6 address.\n"
    "\n"
    "  peerage reset laptop --file laptop.conf --force\n"
    "  peerage reset laptop --gateway gw-fra-2 --file laptop.conf --force   # move it\n";

constexpr std::string_view status_text =
    "Asks the peer's gateway what it sees: the peer's endpoint, its last handshake, what went\n"
    "through. Exit status 3 unless the peer is live: while it is pending, or its state unknown.\n"
    "\n"
    "  until peerage status laptop; do sleep 1; done\n";

constexpr std::string_view remove_text =
    "Returns when the gateways no longer have the peers. --stale lists first, then asks.\n"
    "\n"
    "  peerage remove laptop phone\n"
    "  peerage remove --stale 30d\n"
    "  peerage list --json | jq -r '.items[].name' | grep ^ci- | xargs peerage remove\n";

constexpr std::string_view drain_text =
    "A drained gateway takes no new peers; those that it has stay. To take it out of service,\n"
    "move or remove them, stop its daemon (which would register it again), and remove it:\n"
    "\n"
    "  peerage gateways drain gw-fra-1\n"
    "  peerage reset laptop --gateway gw-fra-2 --file laptop.conf   # for each peer\n"
    "  peerage gateways remove gw-fra-1\n"
    "\n"
    "  peerage gateways undrain gw-fra-1   # takes new peers again\n";

constexpr std::string_view accept_gateway_text =
    "A gateway writes its own registration. What others rely on, its number, region and endpoint,\n"
    "counts as it was at first: so one that was broken into can't draw the fleet's peers. Give "
    "this\n"
    "after you have moved a gateway; `peerage gateways` says what it says now.\n"
    "\n"
    "  peerage gateways accept gw-fra-1\n";

constexpr std::string_view accept_text =
    "A gateway whose store suddenly lacks peers, without having counted their removal, does not\n"
    "believe it: it keeps them, and says so in /readyz and in the log. Look at the store first.\n"
    "Where the peers are really gone, this lets the gateway remove them.\n"
    "\n"
    "  peerage gateways accept-removals gw-fra-1\n";

constexpr std::string_view network_text =
    "A network is one tenant's private addresses; no two networks overlap.\n"
    "\n"
    "  peerage networks create acme\n"
    "  peerage networks create acme --ipv4 10.7.0.0/16 --dns 10.7.0.53\n";

constexpr std::string_view token_text =
    "Prints the token's secret on standard output, this once: nobody can show it again.\n"
    "\n"
    "  admin            everything\n"
    "  peers:read       sees every peer\n"
    "  peers:write      makes peers; sees and touches those that it made\n"
    "  peers:manage     makes peers; sees and touches every one\n"
    "  networks:manage  makes and removes networks\n"
    "  gateways:read    sees gateways\n"
    "  gateways:manage  drains and removes gateways; not with --network\n"
    "\n"
    "  peerage tokens create ci --scope peers:write --network acme --expires 90d \\\n"
    "    --max-peers 200 --max-ttl 6h > token\n";

constexpr std::string_view token_removal_text =
    "The last token that has the scope admin in every network stays, unless --force is given: "
    "then\n"
    "`peeraged --new-admin-token` on the daemon's host makes another.\n"
    "\n"
    "  peerage tokens remove 4k7c2n9xq1\n";

constexpr std::string_view audit_text =
    "The newest first, of the API process that answers: each keeps its own.\n"
    "\n"
    "  peerage audit --limit 20\n"
    "  peerage audit --json | jq '.items[] | select(.did == \"removed\")'\n";

constexpr std::string_view completion_text =
    "  source <(peerage completion bash)\n"
    "  peerage completion bash > /etc/bash_completion.d/peerage\n";

constexpr auto table = std::to_array<command_spec>({
    {"create", "[NAME]", 0, 1, "enrol a peer and print its wg-quick file", create_text,
     create_options, create_peer},
    {"list", "", 0, 0, "the peers of a network", "", list_options, list_peers},
    {"show", "NAME", 1, 1, "what the store says of a peer", "", {}, show_peer},
    {"status", "NAME", 1, 1, "what its gateway sees of a peer", status_text, {}, status_of_peer},
    {"remove", "NAME…", 0, any_number, "remove peers", remove_text, remove_options, remove_peers},
    {"reset", "NAME", 1, 1, "a new key under the same name and address", reset_text, reset_options,
     reset_peer},
    {"gateways", "", 0, 0, "the gateways, and how they are", "", {}, list_gateways},
    {"gateways drain", "NAME", 1, 1, "no new peers on a gateway", drain_text, {}, drain_gateway},
    {"gateways undrain", "NAME", 1, 1, "new peers again", drain_text, {}, undrain_gateway},
    {"gateways accept",
     "NAME",
     1,
     1,
     "believe the region and endpoint it says now",
     accept_gateway_text,
     {},
     accept_gateway},
    {"gateways accept-removals",
     "NAME",
     1,
     1,
     "let go of peers that the store has lost",
     accept_text,
     {},
     accept_removals},
    {"gateways remove",
     "NAME",
     1,
     1,
     "forget a gateway that is drained and empty",
     "",
     {},
     remove_gateway},
    {"networks", "", 0, 0, "the networks", "", {}, list_networks},
    {"networks list", "", 0, 0, "the same", "", {}, list_networks},
    {"networks create", "NAME", 1, 1, "make a network", network_text, network_options,
     create_network},
    {"networks show", "NAME", 1, 1, "one network", "", {}, show_network},
    {"networks remove", "NAME", 1, 1, "remove a network that has no peers", "", {}, remove_network},
    {"tokens", "", 0, 0, "the tokens, without their secrets", "", {}, list_tokens},
    {"tokens list", "", 0, 0, "the same", "", {}, list_tokens},
    {"tokens create", "[NAME]", 0, 1, "make a token", token_text, token_options, create_token},
    {"tokens remove", "ID", 1, 1, "remove a token, at once", token_removal_text,
     token_removal_options, remove_token},
    {"audit", "", 0, 0, "who changed what, through one API process", audit_text, audit_options,
     show_audit},
    {"version", "", 0, 0, "the version of this command", "", {}, print_version},
    {"completion",
     "bash",
     1,
     1,
     "a script that completes this command's words",
     completion_text,
     {},
     print_completion},
    {"help", "[COMMAND]", 0, 2, "this, or more about one command", "", {}, print_help},
});

}  // namespace

std::span<const command_spec> commands() {
  return table;
}

std::string_view version_text() {
  return PEERAGE_VERSION;
}

}  // namespace peerage::cli
