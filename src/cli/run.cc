#include "cli/run.h"

#include <ostream>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/output.h"

namespace peerage::cli {
namespace {

answer<exit_status> dispatch(const invocation& asked, surroundings& world) {
  session in(asked, world);
  if (asked.version) return print_version(in);
  if (asked.help) {
    const auto text = help_text(asked.command == nullptr ? "" : asked.command->words);
    if (!text) return std::unexpected(text.error());
    in.print(*text);
    return exit_status::done;
  }
  if (asked.command == nullptr) {
    world.err << help_text("").value();
    return wrong_usage("which command?");
  }
  auto ended = asked.command->run(in);
  if (!ended && ended.error().problem && in.json()) in.print(*ended.error().problem);
  return ended;
}

}  // namespace

int run(int argc, const char* const* argv, surroundings& world) {
  std::vector<std::string> arguments;
  for (int i = 1; i < argc; ++i) arguments.emplace_back(argv[i]);
  answer<exit_status> ended = exit_status::done;
  if (const auto asked = parse_arguments(std::move(arguments), commands()); !asked) {
    ended = std::unexpected(asked.error());
  } else {
    ended = dispatch(*asked, world);
  }
  world.out.flush();
  if (ended && !world.out) {
    ended = give_up(exit_status::failed, "can't write to standard output");
  }
  if (!ended) world.err << "peerage: " << terminal_safe(ended.error().message) << '\n';
  world.err.flush();
  return static_cast<int>(ended ? *ended : ended.error().status);
}

}  // namespace peerage::cli
