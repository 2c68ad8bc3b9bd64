// The promises of ports/store.h, as tests that every store passes, the fake among them.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ports/store.h"

namespace peerage::contract {

/// An empty store that lives for one test. `open` may be called again, once what it gave before is
/// gone: it then shows what the next process would see. A store that lives in memory gives itself.
struct store_home {
  virtual ~store_home() = default;
  virtual std::shared_ptr<store> open(asio::io_context& loop) = 0;
};

struct store_kind {
  std::string name;
  std::function<std::unique_ptr<store_home>()> make;
  friend void PrintTo(const store_kind& kind, std::ostream* to) { *to << kind.name; }
};

class store_contract : public testing::TestWithParam<store_kind> {
 protected:
  store_contract();
  ~store_contract() override;

  void reopen();
  result<revision> commit(transaction writes);
  result<revision> add(record value, expectation expected = absent{});
  result<revision> remove(record_key key, expectation expected = present{});
  std::optional<stored<record>> get(record_key key);
  page list(listing what, std::string after = {}, std::size_t limit = 100);
  /// The errc's name and the field: "conflict name"; "" for success.
  /// All at once, each a transaction of its own, and how each of them ended.
  std::vector<result<revision>> race(std::vector<transaction> all);
  static std::string blame(const result<revision>& ended);

  /// One network "acme" and one gateway "gw-1".
  void furnish();

  std::unique_ptr<store_home> home_;
  asio::io_context loop_;
  std::shared_ptr<store> store_;
};

}  // namespace peerage::contract
