#include "natsbus/trials.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "log/log.h"

namespace peerage::nats {
namespace {

constexpr seconds between{5};

void note(std::vector<refusal>& in, const refusal& what) {
  if (is_optional(what) || std::ranges::find(in, what) != in.end()) return;
  if (in.size() < most_refusals) in.push_back(what);
}

}  // namespace

trials::trials(asio::any_io_executor loop, clock& time, background& work,
               const nats_options& options, callbacks bus)
    : time_(time),
      work_(work),
      options_(options),
      bus_(std::move(bus)),
      later_(loop),
      dialler_(std::move(loop)) {}

void trials::clear() {
  refused_.clear();
  later_.cancel();
}

void trials::stop() {
  stopping_ = true;
  clear();
}

void trials::refused(const refusal& what) {
  if (stopping_) return;
  note(refused_, what);
  say();
  if (!refused_.empty()) try_later();
}

/// When it has changed, and at most once a second.
void trials::say() {
  const steady_time now = time_.steady();
  std::string why = text();
  if (why.empty() || why == said_ || now < quiet_until_) return;
  log::warning("NATS refuses what this process needs", {{"why", why}});
  said_ = std::move(why);
  quiet_until_ = now + seconds{1};
}

void trials::try_later() {
  if (stopping_ || std::exchange(waits_, true)) return;
  later_.expires_after(between);
  later_.async_wait([this](boost::system::error_code cancelled) {
    waits_ = false;
    if (!cancelled && !stopping_) dial();
  });
}

void trials::dial() {
  say();
  if (dialler_.busy() || refused_.empty()) return;
  dialler_.dial(options_, [this](result<std::unique_ptr<connection>> made) {
    if (stopping_ || refused_.empty()) return;
    if (made) return work_.spawn(try_on(*std::move(made)));
    // The one in use does not notice by itself where it is refused its inbox.
    bus_.away();
  });
}

task<> trials::try_on(std::shared_ptr<connection> made) {
  std::vector<refusal> found;
  made->start([] {}, [&found](const refusal& what) { note(found, what); });
  for (const needed_subjects& each : bus_.needed()) made->attempt(each);
  const auto settled = co_await made->settle(time_, time_.steady() + between);
  made->close();
  if (stopping_ || refused_.empty()) co_return;
  if (!settled || !found.empty()) {
    try_later();
    co_return;
  }
  log::info("NATS permits by now what it refused: connecting anew", {});
  said_.clear();
  bus_.permitted();
}

task<result<>> try_permissions(asio::any_io_executor loop, clock& time, nats_options options,
                               needed_subjects needed, steady_time deadline) {
  dialler dials(std::move(loop));
  std::optional<result<std::unique_ptr<connection>>> made;
  dials.dial(options, [&made](auto answer) { made = std::move(answer); });
  while (!made) co_await dials.idle();
  if (!*made) co_return std::unexpected(made->error());
  connection& on = ***made;
  std::vector<refusal> found;
  on.start([] {}, [&found](const refusal& what) { note(found, what); });
  on.attempt(needed);
  const auto settled = co_await on.settle(time, deadline);
  on.close();
  if (!found.empty()) co_return fail(errc::denied, text_of(found));
  co_return settled;
}

}  // namespace peerage::nats
