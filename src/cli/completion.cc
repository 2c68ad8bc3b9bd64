#include <algorithm>
#include <map>
#include <set>

#include "cli/commands.h"

namespace peerage::cli {
namespace {

std::string joined_by(const std::set<std::string>& words, std::string_view between) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : std::string(between)) + word;
  return out;
}

void add_names(std::span<const option_spec> options, std::set<std::string>& to) {
  for (const option_spec& option : options) to.insert(std::string(option.name));
}

}  // namespace

std::string bash_completion() {
  std::map<std::string, std::set<std::string>> choices;  // by the words before
  std::set<std::string> with_value, with_file;
  std::set<std::string> common{"--help"};
  add_names(common_options(), common);
  const auto sort_out = [&](std::span<const option_spec> options) {
    for (const option_spec& option : options) {
      if (option.value.empty()) continue;
      auto& into = option.value == "F" ? with_file : with_value;
      into.insert(std::string(option.name));
    }
  };
  sort_out(common_options());
  for (const command_spec& command : commands()) {
    const std::string words(command.words);
    const std::size_t space = words.rfind(' ');
    const bool inner = space != std::string::npos;
    choices[inner ? words.substr(0, space) : ""].insert(inner ? words.substr(space + 1) : words);
    add_names(command.options, choices[words]);
    sort_out(command.options);
  }
  choices["completion"].insert("bash");

  // The longer words go first: bash takes the first case that fits.
  std::string ordered;
  for (auto each = choices.rbegin(); each != choices.rend(); ++each) {
    const std::string& words = each->first;
    ordered += "    " + (words.empty() ? std::string("''") : "'" + words + "'*") + ") choices='" +
               joined_by(each->second, " ") + "' ;;\n";
  }
  return "# bash completion of peerage: source it, or put it into bash_completion.d\n"
         "_peerage() {\n"
         "  local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
         "  local words='' choices='' i\n"
         "  COMPREPLY=()\n"
         "  case $before in\n"
         "    " +
         joined_by(with_file, "|") +
         ")\n"
         "      COMPREPLY=($(compgen -f -- \"$current\")); return ;;\n"
         "    " +
         joined_by(with_value, "|") +
         ") return ;;\n"
         "  esac\n"
         "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
         "    case ${COMP_WORDS[i]} in\n"
         "      " +
         joined_by(with_file, "|") + "|" + joined_by(with_value, "|") +
         ") i=$((i + 1)) ;;\n"
         "      -*) ;;\n"
         "      *) words+=${words:+ }${COMP_WORDS[i]} ;;\n"
         "    esac\n"
         "  done\n"
         "  case $words in\n" +
         ordered +
         "  esac\n"
         "  COMPREPLY=($(compgen -W \"$choices " +
         joined_by(common, " ") +
         "\" -- \"$current\"))\n"
         "}\n"
         "complete -F _peerage peerage\n";
}

}  // namespace peerage::cli
