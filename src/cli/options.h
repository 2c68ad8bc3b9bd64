// The command line as values: what subcommands there are, their options, and what a person asked
// for. Pure. The only failure is wrong usage: one line that says what is wrong and where to look.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/failure.h"

namespace peerage::cli {

class session;

struct option_spec {
  std::string_view name;   // "--region"
  std::string_view value;  // what it takes, "R"; empty: a flag
  std::string_view help;
  bool many = false;  // may be given again, or with commas
};

struct command_spec {
  std::string_view words;     // "create", "networks create"
  std::string_view operands;  // "[NAME]", "NAME…", ""
  std::size_t least = 0;      // operands
  std::size_t most = 0;
  std::string_view summary;  // one line
  std::string_view text;     // the rest of its help, with examples; lines end with "\n"
  std::span<const option_spec> options;
  answer<exit_status> (*run)(session& in);
};

/// Options that every command takes.
std::span<const option_spec> common_options();

struct invocation {
  const command_spec* command = nullptr;  // null: none was named
  bool help = false;
  bool version = false;
  std::vector<std::string> operands;
  std::map<std::string, std::vector<std::string>, std::less<>> values;  // by the option's name

  bool has(std::string_view name) const { return values.contains(name); }
  std::optional<std::string> value(std::string_view name) const;
  std::vector<std::string> list(std::string_view name) const;
};

/// `arguments` without the program's name.
answer<invocation> parse_arguments(std::vector<std::string> arguments,
                                   std::span<const command_spec> commands);

}  // namespace peerage::cli
