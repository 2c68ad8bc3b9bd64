#include "cli/options.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <array>
#include <limits>

#include "cli/output.h"
#include "config/suggest.h"

namespace peerage::cli {
namespace {

constexpr auto common = std::to_array<option_spec>({
    {"--json", "", "the API's answer on standard output"},
    {"--server", "URL", "where the API is, or unix:/PATH; by default http://127.0.0.1:7420"},
    {"--network", "N", "the network; not needed where the token sees only one"},
    {"--token-file", "F", "a file with the token"},
    {"--ca-file", "F", "the authority (PEM) that signed the server's certificate"},
});

/// The library's tree of subcommands, and what it fills. Lives as long as the parsing.
class grammar {
  using texts = std::map<std::string, std::vector<std::string>>;
  using flags = std::map<std::string, bool>;

 public:
  explicit grammar(std::span<const command_spec> commands) : app_("peerage") {
    app_.set_help_flag();
    app_.add_flag("-h,--help", help_);
    app_.add_flag("--version", version_);
    // Global options may stand anywhere; what is left over is looked at here, for a better message.
    app_.fallthrough();
    app_.allow_extras();
    app_.require_subcommand(0, 1);
    for (const option_spec& option : common) add(app_, option, common_texts_, common_flags_);
    for (const command_spec& command : commands) add(command);
  }

  void parse(std::vector<std::string> arguments) {
    std::reverse(arguments.begin(), arguments.end());
    app_.parse(std::move(arguments));
  }

  /// The deepest word that was given: a command's, or a group's, or nothing.
  const CLI::App* chosen() const {
    const CLI::App* at = &app_;
    while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
    return at == &app_ ? nullptr : at;
  }

  std::string words_of(const CLI::App* at) const {
    std::string words;
    for (; at != nullptr && at != &app_; at = at->get_parent()) {
      words = at->get_name() + (words.empty() ? "" : " " + words);
    }
    return words;
  }

  std::vector<std::string> left_over() const { return app_.remaining(true); }

  void collect(const std::string& words, invocation& into) {
    into.help = help_;
    into.version = version_;
    const auto take = [&](const texts& with_value, const flags& without) {
      for (const auto& [name, given] : with_value)
        if (!given.empty()) into.values[name] = given;
      for (const auto& [name, given] : without)
        if (given) into.values[name];
    };
    take(common_texts_, common_flags_);
    take(texts_[words], flags_[words]);
    into.operands = operands_[words];
  }

 private:
  static void add(CLI::App& to, const option_spec& option, texts& into, flags& on) {
    const std::string name(option.name);
    if (option.value.empty()) {
      to.add_flag(name, on[name]);
      return;
    }
    auto* added = to.add_option(name, into[name])->allow_extra_args(false)->expected(1);
    if (option.many) {
      added->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)->delimiter(',');
      added->expected(1, std::numeric_limits<int>::max())->allow_extra_args(false);
    }
  }

  void add(const command_spec& command) {
    const std::string words(command.words);
    const std::size_t space = words.find(' ');
    CLI::App* at = word(app_, words.substr(0, space), words.substr(0, space));
    if (space != std::string::npos) at = word(*at, words.substr(space + 1), words);
    for (const option_spec& option : command.options) {
      // The command's own meaning of a common option is the help's business alone.
      const bool shared = std::any_of(common.begin(), common.end(),
                                      [&](const auto& each) { return each.name == option.name; });
      if (!shared) add(*at, option, texts_[words], flags_[words]);
    }
    if (command.most > 0) at->add_option("operands", operands_[words]);
  }

  CLI::App* word(CLI::App& under, const std::string& name, const std::string& words) {
    CLI::App*& made = words_[words];
    if (made != nullptr) return made;
    made = under.add_subcommand(name);
    made->set_help_flag();
    made->require_subcommand(0, 1);
    return made;
  }

  CLI::App app_;
  std::map<std::string, CLI::App*> words_;
  bool help_ = false;
  bool version_ = false;
  texts common_texts_;
  flags common_flags_;
  std::map<std::string, texts> texts_;
  std::map<std::string, flags> flags_;
  std::map<std::string, std::vector<std::string>> operands_;
};

std::string look_at(const std::string& words) {
  return "; see `peerage help" + (words.empty() ? "" : " " + words) + "`";
}

/// The words that may follow `words`.
std::vector<std::string_view> next_words(std::span<const command_spec> commands,
                                         std::string_view words) {
  std::vector<std::string_view> next;
  for (const command_spec& command : commands) {
    std::string_view rest = command.words;
    if (!words.empty()) {
      if (!rest.starts_with(words) || rest.size() <= words.size() || rest[words.size()] != ' ') {
        continue;
      }
      rest.remove_prefix(words.size() + 1);
    }
    rest = rest.substr(0, rest.find(' '));
    if (std::find(next.begin(), next.end(), rest) == next.end()) next.push_back(rest);
  }
  return next;
}

std::string unknown_option(const std::string& typed, const std::string& words,
                           const command_spec* command) {
  const std::string name = typed.substr(0, typed.find('='));
  std::vector<std::string_view> names{"--help"};
  for (const option_spec& option : common) names.push_back(option.name);
  if (command != nullptr)
    for (const option_spec& option : command->options) names.push_back(option.name);
  const std::string to = words.empty() ? "" : " of " + words;
  const std::string meant = did_you_mean(name, names);
  // Only the name: what follows an "=" may be a secret.
  return "unknown option " + terminal_safe(name) + to + (meant.empty() ? look_at(words) : meant);
}

std::string unknown_word(const std::string& typed, const std::string& words,
                         std::span<const command_spec> commands) {
  const auto next = next_words(commands, words);
  const std::string meant = did_you_mean(typed, next);
  const std::string to = words.empty() ? "" : " of " + words;
  return "unknown command \"" + terminal_safe(typed) + "\"" + to +
         (meant.empty() ? look_at(words) : meant);
}

/// The library's "--ttl: 1 required TEXT missing" and "--ttl: Expected 1 …", in our words.
std::string count_problem(const std::string& said) {
  const std::string option = said.substr(0, said.find(':'));
  const bool missing = said.find("missing") != std::string::npos || said.ends_with(" 0");
  return option + (missing ? " needs a value" : " may be given only once");
}

const command_spec* command_named(std::span<const command_spec> commands, std::string_view words) {
  const auto found = std::find_if(commands.begin(), commands.end(),
                                  [&](const auto& each) { return each.words == words; });
  return found == commands.end() ? nullptr : &*found;
}

/// What is wrong with the number of operands, and with what the library made nothing of.
std::string complaint(const invocation& asked, const std::string& words,
                      const std::vector<std::string>& left,
                      std::span<const command_spec> commands) {
  for (const std::string& each : left)
    if (each.size() > 1 && each[0] == '-') return unknown_option(each, words, asked.command);
  const bool takes_none = asked.command == nullptr || asked.command->most == 0;
  const std::vector<std::string>& extra = left.empty() ? asked.operands : left;
  if (takes_none && !extra.empty()) {
    const bool group = asked.command == nullptr || !next_words(commands, words).empty();
    if (group) return unknown_word(extra.front(), words, commands);
    return words + " takes no \"" + terminal_safe(extra.front()) + "\"" + look_at(words);
  }
  if (asked.help || asked.version || asked.command == nullptr) return {};
  const command_spec& command = *asked.command;
  if (asked.operands.size() < command.least) {
    return words + " needs " + std::string(command.operands) + look_at(words);
  }
  if (asked.operands.size() > command.most) {
    return words + " takes only " + std::string(command.operands) + ", and \"" +
           terminal_safe(asked.operands[command.most]) + "\" is one too many" + look_at(words);
  }
  return {};
}

}  // namespace

std::span<const option_spec> common_options() {
  return common;
}

std::optional<std::string> invocation::value(std::string_view name) const {
  const auto found = values.find(name);
  if (found == values.end() || found->second.empty()) return {};
  return found->second.back();
}

std::vector<std::string> invocation::list(std::string_view name) const {
  const auto found = values.find(name);
  return found == values.end() ? std::vector<std::string>() : found->second;
}

answer<invocation> parse_arguments(std::vector<std::string> arguments,
                                   std::span<const command_spec> commands) {
  grammar rules(commands);
  // What follows "--" is no option, and the library would pass over it.
  const auto dashes = std::ranges::find(arguments, "--");
  const std::vector<std::string> plain(dashes == arguments.end() ? dashes : dashes + 1,
                                       arguments.end());
  arguments.erase(dashes, arguments.end());
  std::string problem;
  try {
    rules.parse(std::move(arguments));
  } catch (const CLI::ArgumentMismatch& wrong) {
    problem = terminal_safe(count_problem(wrong.what()));
  } catch (const CLI::ParseError& wrong) {
    problem = terminal_safe(wrong.what());
  }
  const std::string words = rules.words_of(rules.chosen());
  if (!problem.empty()) return wrong_usage(problem + look_at(words));
  invocation asked;
  asked.command = command_named(commands, words);
  rules.collect(words, asked);
  asked.operands.insert(asked.operands.end(), plain.begin(), plain.end());
  problem = complaint(asked, words, rules.left_over(), commands);
  if (!problem.empty()) return wrong_usage(problem);
  if (asked.command == nullptr && !words.empty() && !asked.help) {
    return wrong_usage(words + " needs a subcommand" + look_at(words));
  }
  for (auto& [name, given] : asked.values) {
    if (std::any_of(given.begin(), given.end(), [](const auto& text) { return text.empty(); })) {
      return wrong_usage(name + " needs a value" + look_at(words));
    }
  }
  return asked;
}

}  // namespace peerage::cli
