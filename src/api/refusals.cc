#include "api/refusals.h"

#include <utility>

namespace peerage {
namespace {

constexpr unsigned lines_a_minute = 20;
constexpr seconds a_minute{60};
constexpr seconds look_every{1};
constexpr std::size_t most_tokens = 10'000;

}  // namespace

std::optional<audit_entry> refusals::fold(audit_entry refused, steady_time now) {
  const bool known = tokens_.contains(refused.token) || tokens_.size() < most_tokens;
  if (!known && !others_) others_ = minute{now};
  minute& mine = known ? tokens_.try_emplace(refused.token, minute{now}).first->second : *others_;
  if (mine.lines < lines_a_minute) {
    ++mine.lines;
    return refused;
  }
  ++mine.counted;
  mine.last = std::move(refused);
  return {};
}

void refusals::give(minute& from, std::vector<audit_entry>& into) {
  if (!from.last) return;
  from.last->more = from.counted - 1;
  into.push_back(*std::exchange(from.last, {}));
}

std::vector<audit_entry> refusals::over(steady_time now) {
  std::vector<audit_entry> made;
  if (now < looked_at_ + look_every) return made;
  looked_at_ = now;
  for (auto at = tokens_.begin(); at != tokens_.end();) {
    const bool over = now >= at->second.begun + a_minute;
    if (over) give(at->second, made);
    at = over ? tokens_.erase(at) : std::next(at);
  }
  if (others_ && now >= others_->begun + a_minute) {
    give(*others_, made);
    others_.reset();
  }
  return made;
}

std::vector<audit_entry> refusals::all() {
  std::vector<audit_entry> made;
  for (auto& [token, each] : tokens_) give(each, made);
  if (others_) give(*others_, made);
  return made;
}

}  // namespace peerage
