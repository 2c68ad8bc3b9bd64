#include "sqlite/writer.h"

#include <string>
#include <utility>

#include "sqlite/rows.h"

namespace peerage::sqlite {
namespace {

constexpr std::size_t most_waiting = 10'000;
constexpr std::size_t most_in_one = 256;
// Moving the log into the file takes some milliseconds, and goes on beside the commits. A log
// starts anew only when all of it has been moved: where commits never cease, that is done once it
// has grown large, while everyone waits.
constexpr int log_pages_at_once = 1'000;
constexpr int log_pages_at_most = 20'000;

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

bool disk_full(const error& why) {
  return why.code == errc::full && why.field == "disk";
}

/// Whether something is stored that an operator or a client wants to have anew. Marks are the
/// program's own, and a removal may need one.
bool creates(const transaction& writes) {
  for (const auto& each : writes) {
    const auto* adding = std::get_if<put>(&each);
    if (adding == nullptr || !std::holds_alternative<absent>(adding->expected)) continue;
    const record& what = adding->value;
    if (std::holds_alternative<peer>(what) || std::holds_alternative<network>(what) ||
        std::holds_alternative<token>(what)) {
      return true;
    }
  }
  return false;
}

}  // namespace

writer::writer(std::unique_ptr<database> db, std::unique_ptr<database> beside, reserve space)
    : db_(std::move(db)),
      checkpointer_(std::move(beside)),
      space_(std::move(space)),
      thread_([this] { loop(); }) {}

writer::~writer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void writer::submit(transaction writes, done tell) {
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() < most_waiting) {
      waiting_.push_back({std::move(writes), std::move(tell)});
      tell = nullptr;
    }
  }
  if (tell) {
    tell(fail(errc::unavailable, "the database has more to write than it can take"));
    return;
  }
  wake_.notify_one();
}

void writer::loop() {
  for (;;) {
    std::deque<job> batch;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      while (!waiting_.empty() && batch.size() < most_in_one) {
        batch.push_back(std::move(waiting_.front()));
        waiting_.pop_front();
      }
    }
    space_.restore();
    write_batch(batch);
    tend_log();
  }
}

void writer::tend_log() {
  const int pages = db_->log_pages();
  if (pages < asked_at_) asked_at_ = 0;
  // On a full disk the log must not grow.
  if (pages > log_pages_at_most || space_.given_up()) {
    db_->checkpoint();
  } else if (pages >= asked_at_ + log_pages_at_once) {
    asked_at_ = pages;
    checkpointer_.wake();
  }
}

void writer::write_batch(std::deque<job>& batch) {
  // What the reserve makes room for is tried again.
  while (!try_batch(batch) && space_.give_up()) {}
  for (job& each : batch) each.tell(std::move(each.outcome));
}

/// False where the disk was full; then nothing was written.
bool writer::try_batch(std::deque<job>& batch) {
  result<> whole = db_->repeat("BEGIN IMMEDIATE");
  // One alone needs no savepoint to go back to: without it the transaction is empty.
  const bool alone = batch.size() == 1;
  for (job& each : batch) {
    if (whole && !alone) whole = db_->repeat("SAVEPOINT one");
    if (!whole) break;
    if (space_.given_up() && creates(each.writes)) {
      each.outcome = fail(errc::full, "the disk is full: creations are refused", "disk");
    } else if (each.outcome = write_one(each.writes);
               !each.outcome && disk_full(each.outcome.error())) {
      // SQLite may have ended the whole transaction for it.
      whole = std::unexpected(each.outcome.error());
    }
    if (alone || !whole) break;
    if (!each.outcome) whole = db_->repeat("ROLLBACK TO one");
    if (whole) whole = db_->repeat("RELEASE one");
  }
  const bool nothing = alone && !batch.front().outcome;
  if (whole && !nothing) {
    whole = db_->repeat("COMMIT");
    // A flush that failed says nothing of what reached the disk.
    if (!whole && whole.error().code == errc::io) whole.error().code = errc::outcome_unknown;
  }
  if (!whole || nothing) (void)db_->execute("ROLLBACK");
  for (job& each : batch) {
    if (!whole && each.outcome) each.outcome = std::unexpected(whole.error());
  }
  return whole || !disk_full(whole.error());
}

result<committed> writer::write_one(const transaction& writes) {
  std::int64_t number = 0;
  {
    run next =
        db_->prepare("UPDATE meta SET value = value + 1 WHERE name = 'revision' RETURNING value");
    if (next.next() != run::step::row) return std::unexpected(db_->failure("can't be written"));
    number = next.number(0);
    if (next.next() != run::step::done) return std::unexpected(db_->failure("can't be written"));
  }
  committed made{revision{static_cast<std::uint64_t>(number)}, {}};
  for (const auto& each : writes) {
    if (auto written = write(each, made); !written) return std::unexpected(written.error());
  }
  return made;
}

/// Whether there is such a record; what a peer is now goes to `replaced`.
result<bool> writer::check(const record_key& key, const expectation& expected,
                           std::vector<touched>* replaced) {
  run query = select_revision(*db_, key);
  const auto step = query.next();
  if (step != run::step::row && step != run::step::done) {
    return std::unexpected(db_->failure("can't be read"));
  }
  const bool there = step == run::step::row;
  if (!there &&
      (std::holds_alternative<present>(expected) || std::holds_alternative<revision>(expected))) {
    return fail(errc::not_found, "there is none of that name", "name");
  }
  const auto* at = std::get_if<revision>(&expected);
  if (at != nullptr && static_cast<std::uint64_t>(query.number(0)) != at->number) {
    return fail(errc::conflict, "it has changed since it was read", "revision");
  }
  if (there && replaced != nullptr && std::holds_alternative<peer_id>(key)) {
    const auto gateway = gateway_name::parse(query.text(1));
    const auto bytes = query.bytes(2);
    if (gateway && bytes.size() == key_size) {
      replaced->push_back({*gateway, public_key(bytes.first<key_size>())});
    }
  }
  return there;
}

/// That what belongs to a network belongs to the one that has the name now.
result<> writer::check_network(const put& wanted, bool replace) {
  const auto* of_peer = std::get_if<peer>(&wanted.value);
  const auto* of_token = std::get_if<token>(&wanted.value);
  const bool held = (of_peer != nullptr && !wanted.network_id.empty()) ||
                    (of_token != nullptr && of_token->network.has_value());
  if (!held) return {};
  const network_name& name = of_peer ? of_peer->id.network : *of_token->network;
  const std::string& id = of_peer ? wanted.network_id : of_token->network_id;
  {
    run query = db_->prepare("SELECT id FROM networks WHERE name = ?");
    query.bind(1, name.text());
    const auto step = query.next();
    if (step == run::step::done || (step == run::step::row && query.text(0) != id)) {
      return fail(errc::not_found, "there is no such network", "network");
    }
    if (step != run::step::row) return std::unexpected(db_->failure("can't be read"));
  }
  if (of_token == nullptr || replace || wanted.most_tokens == 0) return {};
  run count = db_->prepare("SELECT count(*) FROM tokens WHERE network = ? AND network_id = ?");
  count.bind(1, name.text()).bind(2, id);
  if (count.next() != run::step::row) return std::unexpected(db_->failure("can't be read"));
  if (count.number(0) < std::int64_t{wanted.most_tokens}) return {};
  return fail(errc::conflict, "the network has as many tokens as it may", "max_tokens");
}

result<> writer::write(const peerage::write& one, committed& into) {
  const auto* adding = std::get_if<put>(&one);
  const auto& expected = adding ? adding->expected : std::get<removal>(one).expected;
  bool replace = false;
  // That a new record is absent is checked by the INSERT itself.
  if (!std::holds_alternative<absent>(expected)) {
    const record_key key = adding ? key_of(adding->value) : std::get<removal>(one).key;
    const auto there = check(key, expected, &into.keys);
    if (!there) return std::unexpected(there.error());
    replace = *there;
  }
  if (const auto* added = adding ? std::get_if<peer>(&adding->value) : nullptr) {
    into.keys.push_back({added->gateway, added->public_key});
  }
  if (adding != nullptr) {
    if (auto held = check_network(*adding, replace); !held) return held;
  }
  run change = adding ? write_record(*db_, adding->value, into.at, replace)
                      : delete_record(*db_, std::get<removal>(one).key);
  switch (change.next()) {
    case run::step::done: return {};
    case run::step::constraint: return constraint_failure(one);
    default: return std::unexpected(db_->failure("can't be written"));
  }
}

std::unexpected<error> writer::constraint_failure(const peerage::write& one) {
  // "UNIQUE constraint failed: peers.gateway, peers.public_key"
  const std::string why = db_->last_message();
  const auto* adding = std::get_if<put>(&one);
  // Of several broken rules SQLite names any one; a taken name comes before the others.
  if (adding != nullptr && std::holds_alternative<absent>(adding->expected)) {
    const auto there = check(key_of(adding->value), anything{});
    if (there && *there) return fail(errc::conflict, "there is one of that name", "name");
  }
  if (contains(why, "FOREIGN KEY")) {
    if (adding == nullptr) return fail(errc::conflict, "it still has peers", "peers");
    const auto* wanted = std::get_if<peer>(&adding->value);
    if (wanted != nullptr) {
      const auto network = check(wanted->id.network, present{});
      if (network) return fail(errc::not_found, "there is no such gateway", "gateway");
    }
    return fail(errc::not_found, "there is no such network", "network");
  }
  if (contains(why, "max_peers")) {
    return fail(errc::conflict, "the token has as many peers as it may", "max_peers");
  }
  if (contains(why, "peers.public_key")) {
    return fail(errc::conflict, "another peer of that gateway has the key", "public_key");
  }
  if (contains(why, "peers.ipv6") || contains(why, "peers.ipv4") ||
      contains(why, "peers_by_ipv4")) {
    return fail(errc::conflict, "another peer has the address", "addresses");
  }
  if (contains(why, "gateways.number")) {
    return fail(errc::conflict, "another gateway has that number", "number");
  }
  if (contains(why, "networks.ipv6") || contains(why, "networks.ipv4")) {
    return fail(errc::conflict, "another network has that prefix", "addresses");
  }
  return fail(errc::conflict, "there is one of that name", "name");
}

}  // namespace peerage::sqlite
