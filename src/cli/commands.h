// The table of subcommands, their help, and the functions behind it. The functions are called by
// run() alone, through the table.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "cli/options.h"
#include "cli/session.h"

namespace peerage::cli {

std::span<const command_spec> commands();

/// What `peerage help` prints; for a command or a group, "networks create", its own. Wrong usage
/// where there is no such command.
answer<std::string> help_text(std::string_view words);

/// A script for bash to source.
std::string bash_completion();

/// Of this build: "0.1.0".
std::string_view version_text();

// enrol.cc
answer<exit_status> create_peer(session& in);
answer<exit_status> reset_peer(session& in);
// peers.cc
answer<exit_status> list_peers(session& in);
answer<exit_status> show_peer(session& in);
answer<exit_status> status_of_peer(session& in);
// remove.cc
answer<exit_status> remove_peers(session& in);
// gateways.cc
answer<exit_status> list_gateways(session& in);
answer<exit_status> drain_gateway(session& in);
answer<exit_status> undrain_gateway(session& in);
answer<exit_status> accept_gateway(session& in);
answer<exit_status> accept_removals(session& in);
answer<exit_status> remove_gateway(session& in);
// networks.cc
answer<exit_status> list_networks(session& in);
answer<exit_status> create_network(session& in);
answer<exit_status> show_network(session& in);
answer<exit_status> remove_network(session& in);
// tokens.cc
answer<exit_status> list_tokens(session& in);
answer<exit_status> create_token(session& in);
answer<exit_status> remove_token(session& in);
answer<exit_status> show_audit(session& in);
// help.cc
answer<exit_status> print_help(session& in);
answer<exit_status> print_version(session& in);
answer<exit_status> print_completion(session& in);

}  // namespace peerage::cli
