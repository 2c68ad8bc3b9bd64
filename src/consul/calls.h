// The calls to a Consul agent that a store needs, over a few kept connections. Owned by the store,
// used on the loop's thread, any number of calls at once: what finds no connection free waits for
// one. Reads are consistent: the server that answers has asked a quorum whether it leads still.
// Errors of every call: errc::unavailable, errc::denied, errc::corrupt; of a transaction that
// writes also errc::outcome_unknown. Each ends within 5 s, waiting for a connection apart (5 s).
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/secret.h"
#include "consul/codec.h"
#include "consul/requester.h"
#include "consul/store.h"

namespace peerage::consul {

class calls {
 public:
  /// `connect` makes the connections: eight at most, and one for each caller of connect().
  calls(asio::any_io_executor loop, connector connect, std::shared_ptr<const consul_access> with);
  ~calls();
  calls(const calls&) = delete;
  calls& operator=(const calls&) = delete;

  /// The key, or nothing.
  task<result<std::optional<entry>>> get(std::string key);
  /// Every key that begins with `prefix`, in the order of their bytes.
  task<result<std::vector<entry>>> get_all(std::string prefix);
  /// The names of those alone; with a separator, cut behind its first occurrence after the prefix.
  task<result<std::vector<std::string>>> keys(std::string prefix, std::string separator = {});
  /// Those of the keys that are there, in the same order, read 64 at a time. errc::denied where the
  /// token's policy hides one that is there.
  task<result<std::vector<entry>>> get_many(std::vector<std::string> keys);
  /// errc::denied where the token's policy hides what is in the folder: to a list Consul then
  /// answers as if there were nothing.
  task<result<>> may_read_in(std::string folder);
  /// The index of the whole KV store; every transaction up to it is seen by whatever is read next.
  /// `missing` is a key that nobody writes.
  task<result<std::uint64_t>> index(std::string missing);
  /// From then on an index that leaps is believed when another answer, to reading this key that
  /// nobody writes, has reached it too; else the call fails with errc::corrupt.
  void confirm_with(std::string unwritten) { unwritten_ = std::move(unwritten); }
  struct seen {
    std::vector<entry> entries;
    std::uint64_t index = 0;
  };
  /// The key, or every key that begins with it, over a connection of the caller's own. With `since`
  /// other than 0 it waits until the index has passed that, or for about `wait`.
  task<result<seen>> watch(std::shared_ptr<requester> over, std::string key, bool folder,
                           std::uint64_t since, steady_duration wait);
  std::shared_ptr<requester> connect() { return connect_(); }

  /// One transaction that only reads and checks: all of it is of one moment.
  task<result<txn_answer>> look(std::vector<operation> operations);
  /// One transaction, sent once.
  task<result<txn_answer>> write(std::vector<operation> operations);

 private:
  class lease;
  struct waiter;

  task<result<std::shared_ptr<requester>>> acquire();
  void release(std::shared_ptr<requester> free);
  task<result<http::response>> ask(http::request wanted, bool writing);
  task<result<http::response>> read(std::string key, std::string query);
  task<result<std::uint64_t>> confirmed(std::uint64_t index);
  task<result<txn_answer>> transact(std::vector<operation> operations, bool writing);

  asio::any_io_executor loop_;
  connector connect_;
  std::shared_ptr<const consul_access> with_;
  std::string unwritten_;
  std::uint64_t highest_ = 0;  // index that was confirmed
  std::size_t made_ = 0;
  std::vector<std::shared_ptr<requester>> free_;
  std::deque<waiter*> waiting_;
};

}  // namespace peerage::consul
