#include "cli/session.h"

#include <algorithm>
#include <charconv>
#include <ostream>
#include <set>
#include <utility>

#include "cli/answers.h"
#include "cli/output.h"
#include "http/target.h"
#include "model/name.h"

namespace peerage::cli {
namespace {

constexpr std::size_t most_named = 10;

/// "acme, beta"; of many the first, and how many more there are.
std::string some_of(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), most_named); ++i) {
    text += (i == 0 ? "" : ", ") + names[i];
  }
  if (names.size() <= most_named) return text;
  return text + " and " + std::to_string(names.size() - most_named) +
         " more; `peerage networks` shows all " + std::to_string(names.size());
}

/// A bound that no real list reaches.
constexpr std::size_t most_pages = 10'000;

}  // namespace

bool session::colours(bool terminal) const {
  return terminal && world.variable("NO_COLOR").empty() && world.variable("TERM") != "dumb";
}

answer<void> session::connect() {
  if (api_) return {};
  auto found = find_settings(asked, world);
  if (!found) return std::unexpected(found.error());
  if (!found->warning.empty()) say(found->warning);
  settings_ = std::make_unique<settings>(std::move(*found));
  auto opened = api_client::open(*settings_, world.patience);
  if (!opened) return std::unexpected(opened.error());
  api_ = std::move(*opened);
  return {};
}

answer<std::string> session::network() {
  if (auto connected = connect(); !connected) return std::unexpected(connected.error());
  if (!settings_->network.empty()) return settings_->network;
  const auto list =
      call_for_list({.method = "GET",
                     .path = "/v1/networks",
                     .tried = {.what = "can't see which networks there are",
                               .if_unknown = "try again, or name one with --network"}});
  if (!list) return std::unexpected(list.error());
  std::vector<std::string> usable;
  for (const json::value& each : items_of(*list)) {
    const std::string name = text_of(each, "name");
    if (is_label(name)) usable.push_back(name);
  }
  if (usable.size() == 1) {
    settings_->network = usable.front();
    return usable.front();
  }
  if (usable.empty()) {
    return wrong_usage("there is no network yet; make one with `peerage networks create NAME`");
  }
  return wrong_usage("which network? name one with --network or PEERAGE_NETWORK: " +
                     some_of(usable));
}

answer<api_answer> session::call(api_call wanted) {
  if (auto connected = connect(); !connected) return std::unexpected(connected.error());
  return api_->call(std::move(wanted));
}

std::vector<answer<api_answer>> session::call_each(std::vector<api_call> wanted) {
  if (auto connected = connect(); !connected) {
    return {wanted.size(), std::unexpected(connected.error())};
  }
  return api_->call_each(std::move(wanted));
}

answer<json::value> session::call_for_list(api_call wanted) {
  const std::string filter = wanted.query;
  json::array items;
  std::set<std::string> cursors;
  std::string cursor;
  for (std::size_t page = 0; page < most_pages; ++page) {
    if (!cursor.empty()) {
      wanted.query =
          filter + (filter.empty() ? "" : "&") + "cursor=" + http::percent_encode(cursor);
    }
    auto read = call(wanted);
    if (!read) return std::unexpected(std::move(read.error()));
    for (json::value& item : items_of(read->body)) items.push_back(std::move(item));
    cursor = text_of(read->body, "next_cursor");
    if (cursor.empty()) return json::object{{"items", std::move(items)}, {"next_cursor", nullptr}};
    if (!cursors.insert(cursor).second) break;
  }
  return give_up(exit_status::failed, wanted.tried.what + ": the server's list has no end");
}

void session::print(const json::value& data) {
  print(terminal_safe_json(json::pretty(data)) + "\n");
}
void session::print(std::string_view data) {
  world.out << data;
}
void session::say(std::string_view line) {
  world.err << terminal_safe(line) << '\n';
}

std::string session::command_line(std::string_view rest) const {
  std::string line = "`peerage " + std::string(rest);
  if (const auto given = asked.value("--network")) line += " --network " + *given;
  return line + "`";
}

answer<std::string> label_or_usage(std::string text, std::string_view what) {
  if (is_label(text)) return text;
  return wrong_usage(std::string(what) +
                     " must be 1 to 63 of a-z, 0-9 and -, with no - at either " + "end, not \"" +
                     terminal_safe(text.substr(0, 80)) + "\"");
}

answer<std::optional<seconds>> duration_option(const session& in, std::string_view name) {
  const auto text = in.asked.value(name);
  if (!text) return std::optional<seconds>();
  const auto duration = parse_duration(*text);
  // The API's own bound, ten years.
  if (!duration || duration->count() > 315'360'000) {
    return wrong_usage(std::string(name) +
                       " must be a duration of up to 3650d, like 90s, 15m, 1h " + "or 30d, not \"" +
                       terminal_safe(text->substr(0, 80)) + "\"");
  }
  return duration;
}

answer<std::optional<std::uint32_t>> count_option(const session& in, std::string_view name) {
  const auto text = in.asked.value(name);
  if (!text) return std::optional<std::uint32_t>();
  std::uint32_t count = 0;
  const char* last = text->data() + text->size();
  const auto [end, problem] = std::from_chars(text->data(), last, count);
  if (problem != std::errc{} || end != last || count == 0) {
    return wrong_usage(std::string(name) + " must be a whole number, at least 1, not \"" +
                       terminal_safe(text->substr(0, 80)) + "\"");
  }
  return count;
}

}  // namespace peerage::cli
