#include "testing/fake_gateway.h"

#include <utility>

#include "agent/agent.h"
#include "testing/run.h"

namespace peerage::fakes {
namespace {

task<result<>> always_ready() {
  co_return result<>{};
}

}  // namespace

fake_gateway::fake_gateway(asio::io_context& loop, store& desired, bus& word, clock& time,
                           gateway wanted)
    : tunnel(loop.get_executor()),
      loop_(loop),
      store_(desired),
      bus_(word),
      clock_(time),
      what_(std::move(wanted)) {
  start();
}

fake_gateway::~fake_gateway() = default;

void fake_gateway::start() {
  agent_options options{what_, {"this test", "a start", "the test"}};
  agent_parts parts{store_, bus_, clock_, tunnel, interface, nullptr, nullptr, always_ready};
  mind_ = std::make_unique<agent>(loop_.get_executor(), std::move(options), std::move(parts));
  run_on(loop_, mind_->start()).value();
}

void fake_gateway::stop() {
  if (!mind_) return;
  run_on(loop_, mind_->stop());
  mind_.reset();
}

}  // namespace peerage::fakes
