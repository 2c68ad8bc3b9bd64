#include "consul/store.h"

#include <algorithm>
#include <utility>

#include "consul/core.h"
#include "crypto/random.h"

namespace peerage {
namespace consul {
namespace {

constexpr std::size_t most_reported = 1'000;

/// The port's face; the work is in coroutines that hold the core themselves.
class consul_store final : public store {
 public:
  explicit consul_store(shared_core core) : core_(std::move(core)) {}
  ~consul_store() override { core_->writer->stop(); }
  consul_store(const consul_store&) = delete;
  consul_store& operator=(const consul_store&) = delete;

  task<result<revision>> commit(transaction writes) override {
    return consul::commit(core_, std::move(writes));
  }
  task<found_record> get(record_key key) override { return consul::get(core_, std::move(key)); }
  task<found_record> find_peer(gateway_name gateway, public_key key) override {
    return consul::find_peer(core_, std::move(gateway), key);
  }
  task<result<page>> list(page_query query) override {
    return consul::list(core_, std::move(query));
  }
  task<result<epoch>> identity() override { return consul::identity(core_); }

 private:
  shared_core core_;
};

/// Of many processes that find none at once, one makes it and the others read that one.
task<result<>> make_epoch(shared_core self) {
  auto found = co_await self->calls->get(self->keys.epoch());
  if (!found) co_return std::unexpected(std::move(found.error()));
  if (*found) co_return result<>{};
  std::vector<operation> create;
  create.push_back({verb::cas, self->keys.epoch(), random_id(), 0, 0});
  auto made = co_await self->calls->write(std::move(create));
  if (!made) co_return std::unexpected(std::move(made.error()));
  co_return result<>{};
}

bool is_id(std::string_view text) {
  return is_label(text);  // a UUID is one too
}

}  // namespace

void core::report(const std::string& key, const std::string& why) {
  if (reported.size() >= most_reported || !reported.insert(key).second) return;
  if (on_corrupt) on_corrupt(key, why);
}

}  // namespace consul

task<result<std::unique_ptr<store>>> open_consul_store(asio::any_io_executor loop, clock& time,
                                                       consul_options options) {
  if (options.prefix.size() < 2 || !options.prefix.ends_with('/') ||
      options.prefix.starts_with('/')) {
    co_return fail(errc::invalid, "the prefix must end with / and not begin with one", "prefix");
  }
  if (!consul::is_id(options.api_id)) {
    co_return fail(errc::invalid, "the API process's id must be a DNS label", "api_id");
  }
  auto url = http::parse_base_url(options.address);
  if (!url) {
    co_return fail(url.error().code, "Consul's address: " + url.error().message, "address");
  }
  const auto made = std::make_shared<consul::core>();
  made->keys.prefix = options.prefix;
  made->calls = std::make_shared<consul::calls>(loop, std::move(*url), std::move(options.token));
  made->writer =
      std::make_shared<consul::writer>(loop, time, made->calls, made->keys, options.api_id);
  made->on_corrupt = std::move(options.on_corrupt);
  auto ready = co_await consul::make_epoch(made);
  if (!ready) co_return std::unexpected(std::move(ready.error()));
  std::unique_ptr<store> opened = std::make_unique<consul::consul_store>(made);
  co_return opened;
}

}  // namespace peerage
