#include "consul/writer.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <charconv>
#include <cstring>
#include <exception>
#include <utility>

#include "crypto/random.h"

namespace peerage::consul {
namespace {

constexpr std::size_t most_waiting = 4'096;
// Where other processes write the same counts a try may be in vain, and then one of theirs was not.
constexpr int most_tries = 32;
constexpr std::size_t most_rings = 4'096;
constexpr std::size_t most_counts = 4'096;
const std::string no_gateway = "-";  // no gateway's name, so no agent's ring

std::uint64_t random_start() {
  std::array<std::uint8_t, 7> bytes{};
  fill_random(bytes);
  std::uint64_t made = 0;
  std::memcpy(&made, bytes.data(), bytes.size());
  return made;
}

std::int64_t number_in(const std::optional<entry>& from) {
  std::int64_t made = 0;  // also for what is no number: a count that somebody broke binds nobody
  if (from) std::from_chars(from->value.data(), from->value.data() + from->value.size(), made);
  return made;
}

/// A change that went on from the restored ring would have the number of one that was lost, and a
/// gateway would take it for that one.
std::unexpected<error> restored() {
  return fail(errc::unavailable, "Consul was restored, and needs another epoch first");
}

/// Which count a change that does not fit would have passed.
blame beyond_of(const change& work) {
  const bool tokens = std::ranges::any_of(work.counts, [](const auto& each) {
    return each.second.by > 0 && each.second.beyond == blame::max_tokens;
  });
  return tokens ? blame::max_tokens : blame::max_peers;
}

bool shareable(const operation& call) {
  return call.what == verb::check_index;
}

}  // namespace

struct writer::pending {
  pending(const asio::any_io_executor& loop, change made) : work(std::move(made)), ended(loop) {}
  change work;
  signal ended;
  std::optional<outcome> how;
  int tries = 0;
};

/// The changes of one transaction, its operations, and whose each operation is.
struct writer::group {
  struct owner {
    std::size_t member;
    blame why;
  };
  std::deque<std::shared_ptr<pending>> members;
  std::set<std::string> ring_names;
  std::vector<operation> operations;
  std::vector<std::vector<owner>> owners;      // of each operation; none for a ring's
  std::map<std::string, kept_ring> new_rings;  // as they are once it is done
  std::map<std::string, kept_count> new_counts;
};

writer::writer(asio::any_io_executor loop, clock& time, std::shared_ptr<calls> to, key_space keys,
               std::string api)
    : loop_(std::move(loop)),
      clock_(time),
      calls_(std::move(to)),
      keys_(std::move(keys)),
      api_(std::move(api)),
      nonce_(random_start()) {}

task<outcome> writer::send(change what) {
  outcome refused;
  const std::size_t rings = std::max<std::size_t>(1, what.touched.size());
  if (what.steps.size() + rings + what.counts.size() > most_operations) {
    refused.failed = error{errc::full,
                           "the transaction needs more than the 64 operations that Consul takes; "
                           "make it smaller",
                           {}};
    co_return refused;
  }
  if (stopped_ || queue_.size() >= most_waiting) {
    refused.failed = error{errc::unavailable, "too many writes are waiting for Consul", {}};
    co_return refused;
  }
  const auto mine = std::make_shared<pending>(loop_, std::move(what));
  queue_.push_back(mine);
  if (!running_) {
    running_ = true;
    asio::co_spawn(loop_, run(shared_from_this()), [](std::exception_ptr bug) {
      if (bug) std::rethrow_exception(bug);
    });
  }
  while (!mine->how) co_await mine->ended.wait();
  co_return std::move(*mine->how);
}

void writer::set_epoch(std::string epoch) {
  if (epoch != epoch_) forget_written();
  epoch_ = std::move(epoch);
}

std::vector<writer::evidence> writer::written() const {
  std::vector<evidence> all;
  for (const auto& [name, each] : written_) all.push_back(each);
  return all;
}

void writer::vouched(const std::vector<evidence>& all) {
  for (const evidence& each : all) {
    const auto mine = written_.find(each.gateway);
    const bool same = mine != written_.end() && mine->second.index == each.index;
    if (same && each.gateway != last_) written_.erase(mine);
  }
}

void writer::forget_written() {
  written_.clear();
  lost_ = false;
}

std::string writer::last_writes() const {
  if (written_.empty()) return {};
  std::string text = epoch_ + "\n";
  for (const auto& [name, each] : written_) text += name + " " + std::to_string(each.index) + "\n";
  return text;
}

std::string writer::take_last_writes(std::string_view text) {
  const auto line = [&text] {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view first = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return first;
  };
  const std::string_view of = line();
  if (!is_label(of)) return {};
  set_epoch(std::string(of));
  while (!text.empty()) {
    const std::string_view one = line();
    const std::string name(one.substr(0, one.find(' ')));
    std::uint64_t index = 0;
    std::from_chars(one.data() + std::min(name.size() + 1, one.size()), one.data() + one.size(),
                    index);
    if (index == 0 || (name != no_gateway && !gateway_name::parse(name))) continue;
    written_.insert_or_assign(name, evidence{name, keys_.ring(name, api_), index});
    last_ = name;
  }
  return epoch_;
}

void writer::stop() {
  stopped_ = true;
  for (const auto& each : std::exchange(queue_, {})) {
    outcome how;
    how.failed = error{errc::unavailable, "the store is being closed", {}};
    finish(*each, std::move(how));
  }
}

void writer::finish(pending& one, outcome how) {
  one.how = std::move(how);
  one.ended.notify();
}

task<> writer::run(std::shared_ptr<writer> self) {
  while (!self->queue_.empty()) {
    group now;
    now.members = take();
    for (const auto& each : now.members) {
      for (const auto& [gateway, keys] : each->work.touched) now.ring_names.insert(gateway);
    }
    if (now.ring_names.empty()) now.ring_names.insert(no_gateway);
    auto ready = co_await load_rings(now);
    if (ready) ready = co_await load_counts(now);
    if (ready && stopped_) ready = fail(errc::unavailable, "the store is being closed");
    if (!ready) {
      settle(now, std::unexpected(ready.error()));
      continue;
    }
    if (now.members.empty()) continue;  // every one was refused
    compose(now);
    auto answer = co_await calls_->write(now.operations);
    settle(now, std::move(answer));
  }
  running_ = false;
}

/// From the front, what shares no key, until one does not fit: what is behind that is not looked
/// at, so that a long queue costs nothing. What is passed over keeps its keys, so that two changes
/// of one key stay in their order.
std::deque<std::shared_ptr<writer::pending>> writer::take() {
  std::deque<std::shared_ptr<pending>> taken;
  std::deque<std::shared_ptr<pending>> passed;
  std::set<std::string_view> written, rings, counts;  // rings and counts: one operation each
  std::map<std::string_view, std::uint64_t> checked;
  std::size_t operations = 0;
  for (; !queue_.empty() && taken.size() < most_operations; queue_.pop_front()) {
    const change& work = queue_.front()->work;
    std::size_t cost = work.touched.empty() ? 1 : 0;
    bool clash = false;
    for (const step& one : work.steps) {
      const auto seen = checked.find(one.call.key);
      if (shareable(one.call)) {
        const bool other = seen != checked.end() && seen->second != one.call.index;
        clash = clash || other || written.contains(one.call.key);
        cost += seen == checked.end() ? 1 : 0;
      } else {
        clash = clash || seen != checked.end() || written.contains(one.call.key);
        ++cost;
      }
    }
    for (const auto& each : work.touched) cost += rings.contains(each.first) ? 0 : 1;
    for (const auto& each : work.counts) cost += counts.contains(each.first) ? 0 : 1;
    if (operations + cost > most_operations) break;
    for (const step& one : work.steps) {
      if (!clash && shareable(one.call)) checked.emplace(one.call.key, one.call.index);
      if (!shareable(one.call)) written.insert(one.call.key);
    }
    if (!clash) {
      operations += cost;
      for (const auto& each : work.touched) rings.insert(each.first);
      for (const auto& each : work.counts) counts.insert(each.first);
    }
    (clash ? passed : taken).push_back(queue_.front());
  }
  queue_.insert(queue_.begin(), passed.begin(), passed.end());
  return taken;
}

task<result<>> writer::load_rings(const group& of) {
  if (rings_.size() > most_rings) rings_.clear();
  if (lost_) co_return restored();
  if (epoch_.empty()) {
    auto found = co_await calls_->get(keys_.epoch());
    if (!found) co_return std::unexpected(std::move(found.error()));
    if (*found) epoch_ = std::move((*found)->value);
  }
  for (const std::string& name : of.ring_names) {
    if (rings_.contains(name)) continue;
    auto found = co_await calls_->get(keys_.ring(name, api_));
    if (!found) co_return std::unexpected(std::move(found.error()));
    // One that is gone may have gone with its gateway, which came back: that costs an epoch.
    const auto mine = written_.find(name);
    const std::uint64_t index = *found ? (*found)->index : 0;
    lost_ = mine != written_.end() && index < mine->second.index;
    if (lost_) co_return restored();
    kept_ring made;
    if (*found) {
      made.index = (*found)->index;
      made.what.sequence = made.index;  // behind a gap, where it can't be read
      if (const auto read = read_ring((*found)->value)) {
        made.what.sequence = read->sequence;
        for (const auto& key : read->changes) made.what.changes.push_back({key, read->written_at});
      }
    }
    rings_.insert_or_assign(name, std::move(made));
  }
  co_return result<>{};
}

/// The counts as they will be, and which members stay within theirs; which counts have to be read
/// to know it: those that nobody here has read, and those that speak against somebody.
std::set<std::string> writer::add_up(group& of, std::vector<bool>& fits) const {
  std::set<std::string> unsure;
  of.new_counts.clear();
  fits.assign(of.members.size(), true);
  for (std::size_t member = 0; member < of.members.size(); ++member) {
    const auto& wanted = of.members[member]->work.counts;
    for (const auto& [token, change] : wanted) {
      const auto known = counts_.find(token);
      const bool read = known != counts_.end();
      if (read) of.new_counts.emplace(token, known->second);
      if (read && (change.by <= 0 || of.new_counts.at(token).used + change.by <= change.most)) {
        continue;
      }
      fits[member] = false;
      unsure.insert(token);
    }
    if (!fits[member]) continue;
    for (const auto& [token, change] : wanted) of.new_counts.at(token).used += change.by;
  }
  std::erase_if(of.new_counts, [this](const auto& each) {
    return each.second.used == counts_.at(each.first).used;
  });
  return unsure;
}

/// Those beyond their token's quota end here. What this process remembers is not enough for that:
/// another may have given back.
task<result<>> writer::load_counts(group& of) {
  if (counts_.size() > most_counts) counts_.clear();
  std::set<std::string> just_read;
  std::vector<bool> fits;
  for (;;) {
    auto unsure = add_up(of, fits);
    std::erase_if(unsure, [&](const auto& each) { return just_read.contains(each); });
    if (unsure.empty()) break;
    for (const std::string& token : unsure) {
      auto found = co_await calls_->get(keys_.quota(token));
      if (!found) co_return std::unexpected(std::move(found.error()));
      counts_[token] = {number_in(*found), *found ? (*found)->index : 0};
      just_read.insert(token);
    }
  }
  for (std::size_t member = of.members.size(); member-- > 0;) {
    if (fits[member]) continue;
    outcome how;
    how.refused.push_back(beyond_of(of.members[member]->work));
    finish(*of.members[member], std::move(how));
    of.members.erase(of.members.begin() + static_cast<std::ptrdiff_t>(member));
  }
  co_return result<>{};
}

void writer::compose(group& of) {
  std::map<std::string, std::size_t> checks;
  for (std::size_t member = 0; member < of.members.size(); ++member) {
    const change& work = of.members[member]->work;
    ++nonce_;
    for (const step& each : work.steps) {
      if (shareable(each.call)) {
        const auto [at, fresh] = checks.emplace(each.call.key, of.operations.size());
        if (!fresh) {
          of.owners[at->second].push_back({member, each.why});
          continue;
        }
      }
      operation call = each.call;
      call.flags = write_flags({nonce_, member, call.flags % 2 == 1});
      of.operations.push_back(std::move(call));
      of.owners.push_back({{member, each.why}});
    }
    for (const auto& [gateway, keys] : work.touched) {
      const auto at = of.new_rings.try_emplace(gateway, rings_.at(gateway)).first;
      append(at->second.what, keys, clock_.now());
    }
  }
  compose_marks(of);
}

/// What the members share: rings and counts. No member is to blame where one of them is refused.
void writer::compose_marks(group& of) {
  ++nonce_;
  const std::uint64_t flags = write_flags({nonce_, 0, false});
  for (const std::string& name : of.ring_names) {
    const kept_ring& now = of.new_rings.try_emplace(name, rings_.at(name)).first->second;
    // The compare keeps a lost write that arrives late from going under this one unseen.
    of.operations.push_back({verb::cas, keys_.ring(name, api_),
                             write_ring(now.what, epoch_, clock_.now()), flags, now.index});
  }
  for (const auto& [token, now] : of.new_counts) {
    const std::string key = keys_.quota(token);
    if (now.used > 0) {
      of.operations.push_back({verb::cas, key, std::to_string(now.used), flags, now.index});
    } else if (now.index > 0) {
      of.operations.push_back({verb::remove_cas, key, {}, 0, now.index});
    } else {
      // Another process may have made one since this one saw none.
      of.operations.push_back({verb::check_not_exists, key, {}, 0, 0});
    }
  }
  of.owners.resize(of.operations.size());
}

void writer::forget(const group& of) {
  for (const std::string& name : of.ring_names) rings_.erase(name);
  for (const auto& [token, count] : of.new_counts) counts_.erase(token);
}

void writer::settle(group& of, result<txn_answer> answer) {
  if (answer && !answer->refusals.empty()) {
    settle_refused(of, *answer);
    return;
  }
  std::uint64_t index = 0;
  if (answer) {
    for (const entry& each : answer->results) {
      index = std::max(index, each.index);
      for (auto& [name, ring] : of.new_rings) {
        if (each.key != keys_.ring(name, api_)) continue;
        ring.index = each.index;
        written_.insert_or_assign(name, evidence{name, each.key, each.index});
        last_ = name;
      }
      for (auto& [token, count] : of.new_counts) {
        if (each.key == keys_.quota(token)) count.index = each.index;
      }
    }
    for (auto& [name, ring] : of.new_rings) rings_.insert_or_assign(name, std::move(ring));
    for (const auto& [token, count] : of.new_counts) {
      counts_[token] = count.used > 0 ? count : kept_count{};
    }
  } else {
    forget(of);
  }
  for (std::size_t member = 0; member < of.members.size(); ++member) {
    outcome how;
    if (answer) how.done = revision_of(index, member);
    if (!answer) how.failed = answer.error();
    finish(*of.members[member], std::move(how));
  }
}

void writer::settle_refused(group& of, const txn_answer& answer) {
  std::vector<outcome> ends(of.members.size());
  for (const refusal& each : answer.refusals) {
    if (each.operation >= of.owners.size() || of.owners[each.operation].empty()) {
      forget(of);  // one is not as this process remembers it
      continue;
    }
    for (const auto& owner : of.owners[each.operation]) {
      ends[owner.member].refused.push_back(owner.why);
    }
  }
  const bool blamed =
      std::ranges::any_of(ends, [](const outcome& each) { return !each.refused.empty(); });
  // Those that nothing spoke against go again, ahead of what came later.
  for (std::size_t member = of.members.size(); member-- > 0;) {
    pending& one = *of.members[member];
    if (!blamed) ++one.tries;  // a try that ended somebody is no vain one
    if (ends[member].refused.empty() && one.tries < most_tries && !stopped_) {
      queue_.push_front(of.members[member]);
      continue;
    }
    if (ends[member].refused.empty()) {
      ends[member].failed = error{errc::unavailable, "Consul refused every try of this write", {}};
    }
    finish(one, std::move(ends[member]));
  }
}

}  // namespace peerage::consul
