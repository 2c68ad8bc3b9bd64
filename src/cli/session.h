// One run of one command: what was asked for, the world around it, and the API. Made by run() and
// handed to the command, which owns nothing of it. Its calls fail with failures ready to print.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cli/api_client.h"
#include "cli/failure.h"
#include "cli/options.h"
#include "cli/settings.h"
#include "cli/surroundings.h"

namespace peerage::cli {

class session {
 public:
  session(const invocation& what_was_asked, surroundings& around)
      : asked(what_was_asked), world(around) {}

  const invocation& asked;
  surroundings& world;

  /// From --network, PEERAGE_NETWORK or the config file; else the one that the token sees.
  answer<std::string> network();

  answer<api_answer> call(api_call wanted);
  std::vector<answer<api_answer>> call_each(std::vector<api_call> wanted);

  /// Every page of a list, as one: {"items": […], "next_cursor": null}.
  answer<json::value> call_for_list(api_call wanted);

  bool json() const { return asked.has("--json"); }
  void print(const json::value& data);
  void print(std::string_view data);

  /// A line for the person, made safe for the terminal.
  void say(std::string_view line);

  bool colours_out() const { return colours(world.out_is_terminal); }
  bool colours_err() const { return colours(world.err_is_terminal); }

  /// "`peerage show ci-1`", with the --network that this run was given.
  std::string command_line(std::string_view rest) const;

 private:
  bool colours(bool terminal) const;
  answer<void> connect();

  std::unique_ptr<settings> settings_;
  std::unique_ptr<api_client> api_;
};

/// Names in paths are labels; anything else is wrong usage that names `what` it is for.
answer<std::string> label_or_usage(std::string text, std::string_view what);

/// An option that takes a duration: "--ttl 1h". Nothing where it was not given.
answer<std::optional<seconds>> duration_option(const session& in, std::string_view name);

/// An option that takes a number of things, at least one.
answer<std::optional<std::uint32_t>> count_option(const session& in, std::string_view name);

}  // namespace peerage::cli
