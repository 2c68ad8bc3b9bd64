#include <algorithm>
#include <vector>

#include "cli/commands.h"
#include "cli/output.h"
#include "config/suggest.h"

namespace peerage::cli {
namespace {

constexpr std::string_view overview =
    "peerage enrols WireGuard peers on gateways. It needs no root, and private keys stay here.\n"
    "\n"
    "  peerage networks create acme\n"
    "  peerage create laptop --file laptop.conf && sudo wg-quick up ./laptop.conf\n"
    "  peerage status laptop\n"
    "\n";

constexpr std::string_view ending =
    "\n"
    "Environment: PEERAGE_SERVER, PEERAGE_NETWORK, PEERAGE_TOKEN (the token itself), NO_COLOR.\n"
    "Defaults from ~/.config/peerage/config.toml: server, network, token_file.\n"
    "Exit status: 0 done, 1 refused or failed, 2 wrong usage, 3 stored but still pending, 4 the\n"
    "server can't be reached, 5 the server can't do it now.\n";

bool belongs_to(std::string_view group, std::string_view words) {
  return words == group || (words.starts_with(group) && words[group.size()] == ' ');
}

/// Two columns, indented.
std::string columns(const std::vector<std::pair<std::string, std::string>>& lines) {
  std::size_t widest = 0;
  const auto characters = [](const std::string& text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
      return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U;
    }));
  };
  for (const auto& [left, right] : lines) widest = std::max(widest, characters(left));
  std::string out;
  for (const auto& [left, right] : lines) {
    out.append("  ").append(left).append(widest - characters(left) + 2, ' ');
    out.append(right).append("\n");
  }
  return out;
}

std::string call_of(const command_spec& command) {
  std::string call(command.words);
  if (!command.operands.empty()) call += " " + std::string(command.operands);
  return call;
}

std::string options_text(std::string_view title, std::span<const option_spec> options) {
  if (options.empty()) return {};
  std::vector<std::pair<std::string, std::string>> lines;
  for (const option_spec& option : options) {
    std::string left(option.name);
    if (!option.value.empty()) left += " " + std::string(option.value);
    lines.emplace_back(left, std::string(option.help) + (option.many ? "; may be repeated" : ""));
  }
  return "\n" + std::string(title) + "\n" + columns(lines);
}

std::string list_text(std::string_view group) {
  std::vector<std::pair<std::string, std::string>> lines;
  for (const command_spec& command : commands()) {
    if (!group.empty() && !belongs_to(group, command.words)) continue;
    lines.emplace_back(call_of(command), command.summary);
  }
  return columns(lines);
}

}  // namespace

answer<std::string> help_text(std::string_view words) {
  if (words.empty()) {
    std::string text(overview);
    text.append("Commands; `peerage help COMMAND` says more\n").append(list_text({}));
    text.append(options_text("Options of every command", common_options())).append(ending);
    return text;
  }
  std::vector<std::string_view> known;
  const command_spec* found = nullptr;
  std::size_t members = 0;
  for (const command_spec& command : commands()) {
    known.push_back(command.words);
    if (command.words == words) found = &command;
    if (belongs_to(words, command.words)) ++members;
  }
  if (found == nullptr) {
    const std::string meant = did_you_mean(words, known);
    return wrong_usage("there is no command \"" + terminal_safe(words) + "\"" +
                       (meant.empty() ? "; see `peerage help`" : meant));
  }
  std::string text = "peerage " + call_of(*found) + (found->options.empty() ? "" : " [OPTIONS]") +
                     ": " + std::string(found->summary) + "\n";
  if (!found->text.empty()) text += "\n" + std::string(found->text);
  if (members > 1) text += "\nCommands\n" + list_text(words);
  return text + options_text("Options", found->options) +
         options_text("Options of every command", common_options());
}

answer<exit_status> print_help(session& in) {
  std::string words;
  for (const std::string& each : in.asked.operands) words += (words.empty() ? "" : " ") + each;
  auto text = help_text(words);
  if (!text) return std::unexpected(text.error());
  in.print(*text);
  return exit_status::done;
}

answer<exit_status> print_version(session& in) {
  if (in.json()) {
    in.print(json::value(json::object{{"version", std::string(version_text())}}));
  } else {
    in.print("peerage " + std::string(version_text()) + "\n");
  }
  return exit_status::done;
}

answer<exit_status> print_completion(session& in) {
  if (in.asked.operands.front() != "bash") {
    return wrong_usage("completion is there for bash alone; see `peerage help completion`");
  }
  in.print(bash_completion());
  return exit_status::done;
}

}  // namespace peerage::cli
