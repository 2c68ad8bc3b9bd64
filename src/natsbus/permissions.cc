#include "natsbus/permissions.h"

#include <boost/asio/post.hpp>
#include <map>
#include <mutex>
#include <utility>

#include "natsbus/subjects.h"

namespace peerage::nats {
namespace {

constexpr std::size_t most_named = 4;

std::optional<std::string> between_quotes(std::string_view said, std::string_view before) {
  const auto at = said.find(before);
  if (at == std::string_view::npos) return {};
  said.remove_prefix(at + before.size());
  const auto end = said.find('"');
  if (end == std::string_view::npos) return {};
  return std::string(said.substr(0, end));
}

std::string listed(const std::vector<refusal>& all, bool publish, const char* what) {
  std::string text;
  std::size_t count = 0;
  for (const refusal& each : all) {
    if (each.publish != publish || ++count > most_named) continue;
    text += (count == 1 ? what : ", ") + each.subject;
  }
  if (count > most_named) text += " and " + std::to_string(count - most_named) + " more";
  return text;
}

struct listener {
  boost::asio::any_io_executor loop;
  refusal_post::handler hear;
};
struct registry {
  std::mutex lock;
  std::uintptr_t last = 0;
  std::map<std::uintptr_t, listener> listeners;
};
registry& all_listeners() {
  static registry made;
  return made;
}

}  // namespace

std::optional<refusal> read_violation(std::string_view said) {
  if (auto subject = between_quotes(said, "Violation for Publish to \"")) {
    return refusal{true, *std::move(subject)};
  }
  if (auto subject = between_quotes(said, "Violation for Subscription to \"")) {
    return refusal{false, *std::move(subject)};
  }
  return {};
}

std::string text_of(const std::vector<refusal>& all) {
  if (all.empty()) return {};
  const std::string hear = listed(all, false, "subscribe to ");
  const std::string say = listed(all, true, "publish to ");
  return "NATS does not permit this process to " + hear +
         (hear.empty() || say.empty() ? "" : ", nor to ") + say +
         ": its nkey or credentials belong to another name, or the server's configuration "
         "(nats.conf) lacks this one's subjects";
}

needed_subjects needed_by_api() {
  needed_subjects made{{every_heartbeat, events}, {events}};
  for (const action each : {action::apply, action::status, action::accept_removals}) {
    made.say.push_back(subject_of_nobody(each));
  }
  return made;
}

needed_subjects needed_by(const gateway_name& gateway) {
  needed_subjects made{{}, {subject_of(gateway, action::heartbeat), events}};
  for (const action each : {action::apply, action::status, action::accept_removals}) {
    made.hear.push_back(subject_of(gateway, each));
  }
  return made;
}

bool is_optional(const refusal& what) {
  return what.subject.starts_with("$SRV.");
}

refusal_post::refusal_post(boost::asio::any_io_executor loop, handler hear) {
  registry& all = all_listeners();
  const std::scoped_lock held(all.lock);
  number_ = ++all.last;
  all.listeners.emplace(number_, listener{std::move(loop), std::move(hear)});
}

void refusal_post::end() {
  registry& all = all_listeners();
  const std::scoped_lock held(all.lock);
  all.listeners.erase(number_);
}

void refusal_post::tell(void* number, std::string said) {
  registry& all = all_listeners();
  const std::scoped_lock held(all.lock);
  const auto found = all.listeners.find(reinterpret_cast<std::uintptr_t>(number));
  if (found == all.listeners.end()) return;
  boost::asio::post(found->second.loop,
                    [hear = found->second.hear, said = std::move(said)] { hear(said); });
}

}  // namespace peerage::nats
