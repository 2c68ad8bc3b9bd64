#include "consul/calls.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>
#include <set>
#include <utility>

#include "http/target.h"

namespace peerage::consul {
namespace {

constexpr std::size_t most_connections = 8;
constexpr seconds call_limit{5};
// A revision is an index times 64.
constexpr std::uint64_t most_index = std::uint64_t{1} << 56U;
// Beyond what happens between two answers: a greater leap has to be seen twice.
constexpr std::uint64_t leap = 1'000'000;

std::string path_of(const std::string& key) {
  // Consul reads the key from the decoded path; a folder's "/" at the end must stay one.
  std::string made = "/v1/kv/";
  for (std::size_t begin = 0; begin <= key.size();) {
    const auto end = std::min(key.find('/', begin), key.size());
    made += http::percent_encode(std::string_view(key).substr(begin, end - begin));
    if (end < key.size()) made += '/';
    begin = end + 1;
  }
  return made;
}

result<std::uint64_t> index_in(const http::response& answer) {
  const std::string_view text = answer.header("X-Consul-Index");
  std::uint64_t index = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), index);
  if (text.empty() || parsed.ec != std::errc{} || index == 0) {
    return fail(errc::corrupt, "Consul's answer has no X-Consul-Index");
  }
  if (index > most_index) {
    return fail(errc::corrupt, "Consul's answer has an X-Consul-Index that can't be");
  }
  return index;
}

}  // namespace

/// One that waits for a connection; it is in the line until it is given one or goes.
struct calls::waiter {
  waiter(calls& of, const asio::any_io_executor& loop) : owner(of), timer(loop) {
    owner.waiting_.push_back(this);
  }
  ~waiter() {
    std::erase(owner.waiting_, this);
    if (given) owner.release(std::move(given));  // cancelled just then
  }
  waiter(const waiter&) = delete;
  waiter& operator=(const waiter&) = delete;
  calls& owner;
  asio::steady_timer timer;
  std::shared_ptr<requester> given;
};

/// Gives a connection back, however the call ended.
class calls::lease {
 public:
  lease(calls& of, std::shared_ptr<requester> held) : of_(of), held_(std::move(held)) {}
  ~lease() { of_.release(std::move(held_)); }
  lease(const lease&) = delete;
  lease& operator=(const lease&) = delete;
  requester& operator*() { return *held_; }

 private:
  calls& of_;
  std::shared_ptr<requester> held_;
};

calls::calls(asio::any_io_executor loop, connector connect,
             std::shared_ptr<const consul_access> with)
    : loop_(std::move(loop)), connect_(std::move(connect)), with_(std::move(with)) {}

calls::~calls() {
  for (const auto& each : free_) each->close();
}

task<result<std::shared_ptr<requester>>> calls::acquire() {
  if (!free_.empty()) {
    auto taken = std::move(free_.back());
    free_.pop_back();
    co_return taken;
  }
  if (made_ < most_connections) {
    ++made_;
    co_return connect();
  }
  waiter self(*this, loop_);
  self.timer.expires_after(call_limit);
  co_await self.timer.async_wait(asio::as_tuple(asio::use_awaitable));
  if (self.given) co_return std::move(self.given);
  co_return fail(errc::unavailable, "every connection to Consul is busy");
}

void calls::release(std::shared_ptr<requester> free) {
  if (waiting_.empty()) {
    free_.push_back(std::move(free));
    return;
  }
  waiter* first = waiting_.front();
  waiting_.pop_front();
  first->given = std::move(free);
  first->timer.cancel();
}

task<result<http::response>> calls::ask(http::request wanted, bool writing) {
  auto got = co_await acquire();
  if (!got) co_return std::unexpected(std::move(got.error()));
  lease held(*this, std::move(*got));
  if (!with_->token.empty()) {
    wanted.headers.emplace_back("X-Consul-Token", std::string(with_->token.reveal()));
  }
  co_return co_await (*held).ask(std::move(wanted), writing, call_limit);
}

task<result<http::response>> calls::read(std::string key, std::string query) {
  http::request wanted;
  wanted.method = "GET";
  wanted.path = path_of(key);
  wanted.query = "consistent" + query;
  auto answer = co_await ask(std::move(wanted), false);
  if (!answer) co_return std::unexpected(std::move(answer.error()));
  if (answer->status != 200 && answer->status != 404) {
    co_return std::unexpected(error_of(answer->status, answer->body, false));
  }
  // A proxy's page that something was not found does not say that a key is absent.
  if (answer->status == 404 && (!index_in(*answer) || !answer->body.empty())) {
    co_return fail(errc::unavailable, "what answers in the place of Consul knows no such page");
  }
  co_return answer;
}

task<result<std::optional<entry>>> calls::get(std::string key) {
  auto answer = co_await read(std::move(key), {});
  if (!answer) co_return std::unexpected(std::move(answer.error()));
  if (answer->status == 404) co_return std::optional<entry>{};
  auto found = read_entries(answer->body);
  if (!found) co_return std::unexpected(std::move(found.error()));
  if (found->size() != 1) co_return fail(errc::corrupt, "Consul's answer has not one key");
  co_return std::move(found->front());
}

task<result<std::vector<entry>>> calls::get_all(std::string prefix) {
  auto answer = co_await read(std::move(prefix), "&recurse");
  if (!answer) co_return std::unexpected(std::move(answer.error()));
  if (answer->status == 404) co_return std::vector<entry>{};
  auto found = read_entries(answer->body);
  if (found && found->empty()) {
    co_return fail(errc::corrupt, "Consul's answer has no key, and no 404");
  }
  co_return found;
}

task<result<std::vector<std::string>>> calls::keys(std::string prefix, std::string separator) {
  std::string query = "&keys";
  if (!separator.empty()) query += "&separator=" + http::percent_encode(separator);
  auto answer = co_await read(std::move(prefix), std::move(query));
  if (!answer) co_return std::unexpected(std::move(answer.error()));
  if (answer->status == 404) co_return std::vector<std::string>{};
  co_return read_keys(answer->body);
}

task<result<std::vector<entry>>> calls::get_many(std::vector<std::string> keys) {
  std::vector<entry> all;
  for (std::size_t begin = 0; begin < keys.size();) {
    const std::size_t end = std::min(keys.size(), begin + most_operations);
    std::vector<operation> gets;
    for (std::size_t i = begin; i < end; ++i) gets.push_back({verb::get, keys[i], {}, 0, 0});
    auto answer = co_await transact(std::move(gets), false);
    if (!answer) co_return std::unexpected(std::move(answer.error()));
    if (answer->refusals.empty()) {
      // Consul leaves out of a transaction what the token's policy hides, and says nothing.
      if (answer->results.size() < end - begin) co_return std::unexpected(denied());
      for (auto& each : answer->results) all.push_back(std::move(each));
      begin = end;
      continue;
    }
    // A key that is not there spoils the whole of it: again without those.
    std::set<std::string> gone;
    for (const refusal& each : answer->refusals) {
      if (each.operation >= end - begin || !each.why.contains("doesn't exist")) {
        co_return fail(errc::unavailable, "Consul refuses to read: " + each.why);
      }
      gone.insert(keys[begin + each.operation]);
    }
    std::erase_if(keys, [&](const std::string& key) { return gone.contains(key); });
  }
  co_return all;
}

task<result<>> calls::may_read_in(std::string folder) {
  // The one verb that changes nothing, and that Consul refuses where the policy hides the key: one
  // that nobody writes.
  std::vector<operation> look;
  look.push_back({verb::check_index, std::move(folder) + "-", {}, 0, 1});
  auto answer = co_await transact(std::move(look), false);
  if (!answer) co_return std::unexpected(std::move(answer.error()));
  co_return result<>{};
}

task<result<std::uint64_t>> calls::index(std::string missing) {
  auto answer = co_await read(std::move(missing), {});
  if (!answer) co_return std::unexpected(std::move(answer.error()));
  const auto index = index_in(*answer);
  if (!index) co_return std::unexpected(index.error());
  co_return co_await confirmed(*index);
}

/// One answer with an absurd index would be remembered for good, and every later one be older.
task<result<std::uint64_t>> calls::confirmed(std::uint64_t index) {
  const bool near = highest_ != 0 && index <= highest_ + leap;
  if (!near && !unwritten_.empty()) {
    auto again = co_await read(unwritten_, {});
    if (!again) co_return std::unexpected(std::move(again.error()));
    const auto second = index_in(*again);
    if (!second) co_return std::unexpected(second.error());
    if (*second < index) {
      co_return fail(errc::corrupt, "Consul's index can't be right: it was " +
                                        std::to_string(index) + ", and a moment later " +
                                        std::to_string(*second));
    }
  }
  highest_ = std::max(highest_, index);
  co_return index;
}

task<result<calls::seen>> calls::watch(std::shared_ptr<requester> over, std::string key,
                                       bool folder, std::uint64_t since, steady_duration wait) {
  http::request wanted;
  wanted.method = "GET";
  wanted.path = path_of(key);
  wanted.query = folder ? "consistent&recurse" : "consistent";
  steady_duration limit = call_limit;
  if (since != 0 && wait > steady_duration::zero()) {
    const auto rest = std::chrono::ceil<std::chrono::milliseconds>(wait);
    wanted.query +=
        "&index=" + std::to_string(since) + "&wait=" + std::to_string(rest.count()) + "ms";
    limit += wait + wait / 10;  // Consul adds up to a sixteenth, so that not all come at once
  }
  if (!with_->token.empty()) {
    wanted.headers.emplace_back("X-Consul-Token", std::string(with_->token.reveal()));
  }
  auto answer = co_await over->ask(std::move(wanted), false, limit);
  if (!answer) co_return std::unexpected(std::move(answer.error()));
  if (answer->status != 200 && answer->status != 404) {
    co_return std::unexpected(error_of(answer->status, answer->body, false));
  }
  const auto said = index_in(*answer);
  if (!said) co_return std::unexpected(said.error());
  const auto index = co_await confirmed(*said);
  if (!index) co_return std::unexpected(index.error());
  seen made;
  made.index = *index;
  if (answer->status == 404) co_return made;
  auto entries = read_entries(answer->body);
  if (!entries) co_return std::unexpected(std::move(entries.error()));
  made.entries = std::move(*entries);
  co_return made;
}

task<result<txn_answer>> calls::transact(std::vector<operation> operations, bool writing) {
  http::request wanted;
  wanted.method = "PUT";
  wanted.path = "/v1/txn";
  if (!writing) wanted.query = "consistent";
  wanted.headers.emplace_back("Content-Type", "application/json");
  wanted.body = write_txn(operations);
  auto answer = co_await ask(std::move(wanted), writing);
  if (!answer) co_return std::unexpected(std::move(answer.error()));
  if (answer->status != 200 && answer->status != 409) {
    co_return std::unexpected(error_of(answer->status, answer->body, writing));
  }
  auto read = read_txn(answer->body);
  const bool doubt = !read || (answer->status == 409 && read->refusals.empty());
  if (doubt && writing && answer->status == 200) {
    co_return fail(errc::outcome_unknown, "Consul's answer to a transaction can't be read");
  }
  if (doubt) co_return fail(errc::unavailable, "Consul refused a transaction without a reason");
  const bool no_right = std::ranges::any_of(
      read->refusals, [](const refusal& each) { return each.why.contains("Permission denied"); });
  if (no_right) co_return std::unexpected(denied());
  co_return std::move(*read);
}

task<result<txn_answer>> calls::look(std::vector<operation> operations) {
  return transact(std::move(operations), false);
}

task<result<txn_answer>> calls::write(std::vector<operation> operations) {
  return transact(std::move(operations), true);
}

}  // namespace peerage::consul
