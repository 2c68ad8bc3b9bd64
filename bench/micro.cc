// What single decisions and codecs take: Google Benchmark's own options apply. Needs nothing but a
// processor.
#include <benchmark/benchmark.h>

#include "consul/codec.h"
#include "crypto/x25519.h"
#include "local/system_clock.h"
#include "natsbus/guard.h"
#include "netlink/codec.h"
#include "plan/address.h"
#include "plan/ledger.h"
#include "plan/placement.h"
#include "testing/samples.h"
#include "uapi/codec.h"
#include "wire/messages.h"
#include "wire/records.h"

namespace peerage {
namespace {

peer sample(std::uint32_t n) {
  return fakes::sample_peer("acme", "peer-" + std::to_string(n), n);
}

assignment sample_assignment(std::uint32_t n) {
  return assignment_of(sample(n), {});
}

apply_request sample_request() {
  return {"r1", epoch{"epoch"}, revision{7}, {put_peer_change{sample_assignment(1)}}};
}

std::vector<device_change> sample_changes(std::int64_t count) {
  std::vector<device_change> made;
  for (std::uint32_t n = 1; n <= static_cast<std::uint32_t>(count); ++n) {
    const assignment one = sample_assignment(n);
    made.emplace_back(set_peer{{one.public_key, one.preshared_key, one.addresses}});
  }
  return made;
}

void wire_write_apply(benchmark::State& state) {
  const apply_request one = sample_request();
  for (auto _ : state) benchmark::DoNotOptimize(wire::write(one));
}
BENCHMARK(wire_write_apply);

void wire_read_apply(benchmark::State& state) {
  const std::string text = wire::write(sample_request());
  for (auto _ : state) benchmark::DoNotOptimize(wire::read_apply_request(text));
}
BENCHMARK(wire_read_apply);

void wire_write_peer(benchmark::State& state) {
  const peer one = sample(1);
  for (auto _ : state) benchmark::DoNotOptimize(wire::write(one));
}
BENCHMARK(wire_write_peer);

void wire_read_peer(benchmark::State& state) {
  const std::string text = wire::write(sample(1));
  for (auto _ : state) benchmark::DoNotOptimize(wire::read_peer(text));
}
BENCHMARK(wire_read_peer);

void consul_write_txn(benchmark::State& state) {
  const std::vector<consul::operation> seven(
      7, {consul::verb::cas, "peerage/v1/peers/acme/one", wire::write(sample(1)), 1, 0});
  for (auto _ : state) benchmark::DoNotOptimize(consul::write_txn(seven));
}
BENCHMARK(consul_write_txn);

void uapi_encode_changes(benchmark::State& state) {
  const auto changes = sample_changes(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(uapi::encode_changes(changes));
}
BENCHMARK(uapi_encode_changes)->Arg(1)->Arg(256);

void netlink_encode_changes(benchmark::State& state) {
  const auto changes = sample_changes(state.range(0));
  for (auto _ : state) {
    netlink::change_encoder encoder(30, "wg0", changes);
    while (auto message = encoder.next()) benchmark::DoNotOptimize(message);
  }
}
BENCHMARK(netlink_encode_changes)->Arg(1)->Arg(256);

void seal_and_judge(benchmark::State& state) {
  asio::io_context loop;
  const auto time = make_system_clock(loop.get_executor());
  const auto name = *gateway_name::parse("gw-1");
  nats::guard api(make_private_key(), "0b9ad5ab-6f0e-4e4d-a8a9-d1e5f6d3c1f2", *time);
  nats::guard gateway(make_private_key(), "", *time);
  api.keys().know(party_kind::gateway, {{party_kind::gateway, "gw-1", gateway.keys().open_key()}});
  gateway.keys().know(party_kind::api, {{party_kind::api, api.api(), api.keys().open_key()}});
  const std::string subject = "peerage.v1.gateway.gw-1.apply", body(450, 'x');
  for (auto _ : state) {
    const auto asked = api.ask(name, subject, body);
    benchmark::DoNotOptimize(gateway.judge(name, subject, asked->seal, body));
  }
}
BENCHMARK(seal_and_judge);

void ledger_hear(benchmark::State& state) {
  ledger book;
  std::uint64_t at = 0;
  const auto many = static_cast<std::uint32_t>(state.range(0));
  for (std::uint32_t n = 1; n <= many; ++n) {
    book.hear(put_peer_change{sample_assignment(n)}, revision{++at});
  }
  const put_peer_change again{sample_assignment(1)};
  for (auto _ : state) benchmark::DoNotOptimize(book.hear(again, revision{++at}));
}
BENCHMARK(ledger_hear)->Arg(100)->Arg(50'000);

void address_of_a_peer(benchmark::State& state) {
  const network where = fakes::sample_network("acme");
  const peer_id id = sample(1).id;
  for (auto _ : state) benchmark::DoNotOptimize(peer_ipv6(where.ipv6, 1, id, 0));
}
BENCHMARK(address_of_a_peer);

void placement_among(benchmark::State& state) {
  std::vector<gateway> all;
  for (std::int64_t n = 0; n < state.range(0); ++n) {
    all.push_back(fakes::sample_gateway("gw-" + std::to_string(n)));
  }
  std::vector<gateway_view> views;
  for (const gateway& each : all) views.push_back({&each, true, 10});
  for (auto _ : state) benchmark::DoNotOptimize(place(views, {}));
}
BENCHMARK(placement_among)->Arg(10)->Arg(1'000);

}  // namespace
}  // namespace peerage

BENCHMARK_MAIN();
