// A roster in memory, which several buses share, and which fails when it is told to.
#pragma once

#include <algorithm>
#include <list>

#include "async/signal.h"
#include "ports/roster.h"

namespace peerage::fakes {

class fake_roster final : public roster {
 public:
  explicit fake_roster(const asio::any_io_executor& loop) : loop_(loop) {}

  task<result<>> enter(party who) override {
    if (away) co_return fail(errc::unavailable, "the roster is away");
    remove(who.name);
    known.push_back(std::move(who));
    tell();
    co_return result<>{};
  }

  /// It waits for a change for as long as it takes.
  task<result<roster_word>> follow(party_kind whom, std::string position,
                                   steady_duration) override {
    if (away) co_return fail(errc::unavailable, "the roster is away");
    if (position == std::to_string(changes_)) {
      signal changed(loop_);
      const waiter mine(*this, changed);
      co_await changed.wait();
    }
    if (away) co_return fail(errc::unavailable, "the roster is away");
    roster_word made{{}, std::to_string(changes_)};
    std::ranges::copy_if(known, std::back_inserter(made.parties),
                         [&](const party& each) { return each.kind == whom; });
    co_return made;
  }

  /// Whoever follows hears of it.
  void remove(const std::string& name) {
    std::erase_if(known, [&](const party& each) { return each.name == name; });
    tell();
  }
  void tell() {
    ++changes_;
    for (signal* each : waiting_) each->notify();
  }

  std::vector<party> known;
  bool away = false;

 private:
  struct waiter {
    waiter(fake_roster& of, signal& woken) : in(of), self(woken) { in.waiting_.push_back(&self); }
    ~waiter() { in.waiting_.remove(&self); }
    waiter(const waiter&) = delete;
    waiter& operator=(const waiter&) = delete;
    fake_roster& in;
    signal& self;
  };

  asio::any_io_executor loop_;
  std::uint64_t changes_ = 1;
  std::list<signal*> waiting_;
};

}  // namespace peerage::fakes
