#include "tests/fakes/consul_line.h"

#include <utility>

namespace peerage::fakes {
namespace {

class line_requester final : public consul::requester {
 public:
  line_requester(asio::any_io_executor loop, consul_line& over)
      : loop_(std::move(loop)), over_(over) {}
  task<result<http::response>> ask(http::request wanted, bool writing, steady_duration) override {
    const auto mine = std::make_shared<consul_line::exchange>(loop_, std::move(wanted), writing);
    over_.under_way.push_back(mine);
    while (!mine->arrived) co_await mine->woken.wait();
    co_return std::move(*mine->arrived);
  }
  void close() override {}

 private:
  asio::any_io_executor loop_;
  consul_line& over_;
};

}  // namespace

consul::connector consul_line::connector(asio::any_io_executor loop) {
  return [loop = std::move(loop), this] { return std::make_shared<line_requester>(loop, *this); };
}

void consul_line::arrive(const std::shared_ptr<exchange>& one, bool lost) {
  std::erase(under_way, one);
  if (one->answer && !lost) {
    one->arrived = std::move(*one->answer);
  } else {
    const errc code = one->writing ? errc::outcome_unknown : errc::unavailable;
    one->arrived = fail(code, "the answer was lost");
  }
  one->woken.notify();
}

}  // namespace peerage::fakes
