// What a seal costs a message on either side, in µs: `./dev bench seal`. Needs nothing but a
// processor.
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdio>
#include <string>

#include "crypto/x25519.h"
#include "local/system_clock.h"
#include "natsbus/guard.h"

namespace peerage {
namespace {

constexpr int rounds = 50'000;

template <class Work>
double microseconds_of(const Work& work) {
  const auto begun = std::chrono::steady_clock::now();
  for (int i = 0; i < rounds; ++i) work();
  const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - begun;
  return took.count() / rounds;
}

int run() {
  asio::io_context loop;
  const auto time = make_system_clock(loop.get_executor());
  const auto name = *gateway_name::parse("gw-1");
  nats::guard api(make_private_key(), "0b9ad5ab-6f0e-4e4d-a8a9-d1e5f6d3c1f2", *time);
  nats::guard gateway(make_private_key(), "", *time);
  api.keys().know(party_kind::gateway, {{party_kind::gateway, "gw-1", gateway.keys().open_key()}});
  gateway.keys().know(party_kind::api, {{party_kind::api, api.api(), api.keys().open_key()}});
  const std::string subject = "peerage.v1.gateway.gw-1.apply";
  bool good = true;
  for (const std::size_t size : {100UL, 500UL, 5'000UL, 50'000UL}) {
    const std::string body(size, 'x');
    const auto asked = api.ask(name, subject, body).value();
    const auto asker = gateway.judge(name, subject, asked.seal, body).value();
    const std::string answer = gateway.answer(name, subject, asker, body);
    const double seal = microseconds_of([&] { good &= api.ask(name, subject, body).has_value(); });
    const double judge = microseconds_of(
        [&] { good &= gateway.judge(name, subject, asked.seal, body).has_value(); });
    const double reply =
        microseconds_of([&] { good &= !gateway.answer(name, subject, asker, body).empty(); });
    const double believe = microseconds_of([&] { good &= api.believes(asked, answer, body); });
    std::printf(
        "%6zu bytes: API seals %5.2f, believes %5.2f; gateway judges %5.2f, seals %5.2f us\n", size,
        seal, believe, judge, reply);
  }
  return good ? 0 : 1;
}

}  // namespace
}  // namespace peerage

int main() {
  return peerage::run();
}
