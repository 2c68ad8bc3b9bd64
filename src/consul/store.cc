#include "consul/store.h"

#include <algorithm>
#include <utility>

#include "consul/core.h"
#include "consul/open.h"
#include "consul/sweep.h"

namespace peerage {
namespace consul {
namespace {

constexpr std::size_t most_reported = 1'000;

/// The port's face; the work is in coroutines that hold the core themselves.
class consul_store final : public store {
 public:
  explicit consul_store(shared_core core) : core_(std::move(core)) {}
  ~consul_store() override {
    core_->keep();
    core_->writer->stop();
  }
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
  // Seven operations each at most, a change log and a quota's count: Consul's limit is 64.
  std::size_t most_removals() const override { return 7; }
  task<result<followed>> follow(gateway_name gateway, std::string position,
                                steady_duration wait) override {
    return consul::follow(core_, std::move(gateway), std::move(position), wait);
  }
  task<result<assigned>> assignments(gateway_name gateway, std::vector<public_key> keys) override {
    return consul::assignments(core_, std::move(gateway), std::move(keys));
  }
  task<result<>> claim(gateway_name gateway, claimant who) override {
    return consul::claim(core_, std::move(gateway), std::move(who));
  }
  task<> release(gateway_name gateway) override {
    return consul::release(core_, std::move(gateway));
  }
  task<result<epoch>> identity() override { return consul::identity(core_); }
  bool sweepable() const override { return true; }
  task<result<sweep_report>> sweep(bool repair) override { return consul::sweep(core_, repair); }

 private:
  shared_core core_;
};

bool is_id(std::string_view text) {
  return is_label(text);  // a UUID is one too
}

}  // namespace

void core::report(const std::string& key, const std::string& why) {
  if (reported.size() >= most_reported || !reported.insert(key).second) return;
  if (on_corrupt) on_corrupt(key, why);
}

void core::keep() {
  std::string now = writer->last_writes();
  if (!keep_last_writes || now == last_writes) return;
  last_writes = std::move(now);
  keep_last_writes(last_writes);
}

}  // namespace consul

result<std::unique_ptr<store>> open_consul_store(asio::any_io_executor loop, clock& time,
                                                 consul_options options) {
  auto opened = consul::open_calls(loop, options);
  if (!opened) return std::unexpected(std::move(opened.error()));
  auto calls = *std::move(opened);
  return consul::open_store(std::move(loop), time, std::move(calls), std::move(options));
}

result<std::unique_ptr<store>> consul::open_store(asio::any_io_executor loop, clock& time,
                                                  std::shared_ptr<consul::calls> calls,
                                                  consul_options options) {
  if (!consul::is_id(options.api_id)) {
    return fail(errc::invalid, "the API process's id must be a DNS label", "api_id");
  }
  consul::key_space keys{options.prefix};
  calls->confirm_with(keys.nothing());
  auto writer = std::make_shared<consul::writer>(loop, time, calls, keys, options.api_id);
  auto core = std::make_shared<consul::core>(consul::core{loop, time, std::move(keys),
                                                          std::move(calls), std::move(writer),
                                                          std::move(options.on_corrupt)});
  core->known_epoch = core->writer->take_last_writes(options.last_writes);
  core->last_writes = std::move(options.last_writes);
  core->keep_last_writes = std::move(options.keep_last_writes);
  return std::make_unique<consul::consul_store>(std::move(core));
}

}  // namespace peerage
