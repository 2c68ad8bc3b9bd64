// What holds the documents to the code and to one vocabulary: their width, their links, their
// words, the glossary, and the pages that repeat something of the sources.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "config/reference.h"
#include "tests/house/repository.h"

namespace peerage {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_columns = 120;
constexpr std::size_t most_terms = 70;

std::string text_of(const fs::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

/// Every Markdown file that is ours, by its path in the repository.
const std::map<std::string, std::string>& documents() {
  static const std::map<std::string, std::string> all = [] {
    std::map<std::string, std::string> found;
    for (auto at = fs::recursive_directory_iterator(root); at != fs::end(at); ++at) {
      const std::string name = at->path().filename().string();
      if (at->is_directory() && (name.starts_with('.') || name == "build")) {
        at.disable_recursion_pending();
      } else if (name.ends_with(".md")) {
        found[fs::relative(at->path(), root).generic_string()] = text_of(at->path());
      }
    }
    return found;
  }();
  return all;
}

std::size_t width(const std::string& line) {
  return static_cast<std::size_t>(
      std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

/// The text with everything in code blocks and in backticks as spaces; lines stay lines.
std::string without_code(const std::string& text) {
  std::string prose;
  bool block = false;
  for (const std::string& line : lines_of(text)) {
    const bool fence = line.find_first_not_of(' ') != std::string::npos &&
                       line.substr(line.find_first_not_of(' ')).starts_with("```");
    prose += (block || fence ? std::string(line.size(), ' ') : line) + "\n";
    block = block != fence;
  }
  bool code = false;
  for (char& c : prose) {
    const bool tick = c == '`';
    if ((code || tick) && c != '\n') c = ' ';
    code = code != tick;
  }
  return prose;
}

std::string at(const std::string& file, std::size_t line) {
  return file + ":" + std::to_string(line + 1);
}

/// As GitHub names a heading: "Keys and credentials" is "keys-and-credentials".
std::string anchor_of(const std::string& heading) {
  std::string anchor;
  for (const char c : heading) {
    if (c >= 'A' && c <= 'Z') {
      anchor += static_cast<char>(c - 'A' + 'a');
    } else if (c == ' ') {
      anchor += '-';
    } else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_') {
      anchor += c;
    }
  }
  return anchor;
}

bool has_anchor(const std::string& text, const std::string& anchor) {
  return std::ranges::any_of(lines_of(text), [&](const std::string& line) {
    const auto begin = line.find_first_not_of('#');
    return line.starts_with('#') && begin != std::string::npos &&
           anchor_of(line.substr(begin + 1)) == anchor;
  });
}

void check_link(const std::string& file, std::size_t line, const std::string& target) {
  if (target.find("://") != std::string::npos || target.starts_with("mailto:")) return;
  const auto hash = target.find('#');
  const std::string path = target.substr(0, hash);
  const fs::path full = path.empty() ? root / file : root / fs::path(file).parent_path() / path;
  EXPECT_TRUE(fs::exists(full)) << at(file, line) << ": there is no " << target;
  if (hash == std::string::npos || !fs::exists(full)) return;
  EXPECT_TRUE(has_anchor(text_of(full), target.substr(hash + 1)))
      << at(file, line) << ": no heading for " << target;
}

TEST(documents, have_lines_of_at_most_120_columns) {
  ASSERT_GT(documents().size(), 20U);
  for (const auto& [file, text] : documents()) {
    const auto lines = lines_of(text);
    for (std::size_t i = 0; i < lines.size(); ++i) {
      EXPECT_LE(width(lines[i]), most_columns) << at(file, i);
    }
  }
}

TEST(documents, link_to_files_and_headings_that_exist) {
  const std::regex link(R"(\]\(([^)\s]+)\))");
  for (const auto& [file, text] : documents()) {
    const auto lines = lines_of(without_code(text));
    for (std::size_t i = 0; i < lines.size(); ++i) {
      for (std::sregex_iterator each(lines[i].begin(), lines[i].end(), link), end; each != end;
           ++each) {
        check_link(file, i, (*each)[1]);
      }
    }
  }
}

TEST(documents, name_source_files_that_exist) {
  const std::regex path("`([a-z_.-]+/[a-z0-9_./-]+\\.(h|cc|cmake|hcl|conf|service))`");
  std::size_t named = 0;
  for (const auto& [file, text] : documents()) {
    const auto lines = lines_of(text);
    for (std::size_t i = 0; i < lines.size(); ++i) {
      for (std::sregex_iterator each(lines[i].begin(), lines[i].end(), path), end; each != end;
           ++each) {
        const std::string name = (*each)[1];
        ++named;
        EXPECT_TRUE(fs::exists(root / name) || fs::exists(root / "src" / name))
            << at(file, i) << ": there is no " << name;
      }
    }
  }
  EXPECT_GT(named, 20U);
}

// Words that this project once had of its own, and what the field says. Only those that mean
// nothing else in a document; what stands in backticks is a name in the code or a message.
const std::vector<std::pair<const char*, const char*>> replaced_words = {
    {"tenants?", "network"},
    {"strangers?", "unknown peer"},
    {"roster", "key directory"},
    {"sightings?", "last seen"},
    {"walls?", "firewall"},
    {"deeds?", "action"},
    {"trail", "audit log"},
    {"minds?", "service, gateway agent"},
    {"rings?", "change log"},
    {"rooms", "modules"},
    {"believe[ds]?", "trust, authenticate, accept"},
    {"vouch(es|ed)?", "verify, confirm"},
    {"hears?|heard|hearing", "receive, read"},
    {"pass(es|ed)? over", "ignore, skip"},
    {"puts? right", "repair"},
    {"mends?|mended", "repair, correct"},
    {"moods?", "noise"},
    {"diallers?", "connector"},
    {"lanes?", "reply inbox"},
    {"parties", "processes"},
    {"faces?", "front end"},
    {"house", "project, repository"},
};

TEST(documents, use_the_words_of_the_glossary) {
  for (const auto& [file, text] : documents()) {
    const auto lines = lines_of(without_code(text));
    for (const auto& [word, better] : replaced_words) {
      const std::regex shape("\\b(" + std::string(word) + ")\\b", std::regex::icase);
      for (std::size_t i = 0; i < lines.size(); ++i) {
        EXPECT_FALSE(std::regex_search(lines[i], shape))
            << at(file, i) << ": \"" << word << "\"; say " << better;
      }
    }
  }
}

TEST(documents, explain_each_term_once) {
  std::set<std::string> terms;
  for (const std::string& line : lines_of(text_of(root / "docs/glossary.md"))) {
    if (!line.starts_with("| **")) continue;
    const std::string term = line.substr(4, line.find("**", 4) - 4);
    EXPECT_TRUE(terms.insert(term).second) << term << " is explained twice";
  }
  EXPECT_GE(terms.size(), 40U);
  EXPECT_LE(terms.size(), most_terms);
}

TEST(documents, have_the_configuration_as_the_daemon_prints_it) {
  EXPECT_TRUE(text_of(root / "docs/operator/configuration.md") == config_reference_markdown())
      << "peeraged --help-config=markdown > docs/operator/configuration.md";
}

/// The text of src/ without the tests; literals that stand one after the other are one.
const std::string& sources() {
  static const std::string all = [] {
    std::string text;
    for (const auto& each : fs::recursive_directory_iterator(root / "src")) {
      const std::string name = each.path().filename().string();
      const bool ours = name.ends_with(".cc") || name.ends_with(".h");
      if (ours && !name.ends_with("_test.cc")) text += text_of(each.path());
    }
    text = std::regex_replace(text, std::regex("\\\\\""), "'");  // a quote in a literal
    std::string joined;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const auto next = text.find_first_not_of(" \n", i + 1);
      const bool two = text[i] == '"' && next != std::string::npos && text[next] == '"' &&
                       text.find('\n', i) < next;
      if (two) {
        i = next;
      } else {
        joined += text[i];
      }
    }
    return joined;
  }();
  return all;
}

TEST(documents, list_every_metric_and_no_other) {
  const auto names_in = [](const std::string& text, const std::string& shape) {
    std::set<std::string> names;
    const std::regex name(shape);
    for (std::sregex_iterator each(text.begin(), text.end(), name), end; each != end; ++each) {
      names.insert((*each)[1]);
    }
    return names;
  };
  const auto made = names_in(sources(), "Name\\(\"(peerage_[a-z_]+)\"\\)");
  EXPECT_GE(made.size(), 5U);
  EXPECT_EQ(names_in(text_of(root / "docs/operator/metrics.md"), "(peerage_[a-z_]+)"), made);
}

TEST(documents, quote_messages_that_the_programs_write) {
  const std::string variable = "…";
  std::size_t quoted = 0;
  const auto lines = lines_of(text_of(root / "docs/operator/troubleshooting.md"));
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (!lines[i].starts_with("| `")) continue;
    std::string message = lines[i].substr(3, lines[i].find('`', 3) - 3);
    std::ranges::replace(message, '"', '\'');
    ++quoted;
    while (!message.empty()) {
      const auto end = std::min(message.find(variable), message.size());
      EXPECT_NE(sources().find(message.substr(0, end)), std::string::npos)
          << at("docs/operator/troubleshooting.md", i) << ": \"" << message.substr(0, end) << '"';
      message.erase(0, std::min(end + variable.size(), message.size()));
    }
  }
  EXPECT_GE(quoted, 60U);
}

}  // namespace
}  // namespace peerage
