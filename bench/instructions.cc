// `instructions N` enrols N peers in one process, the same way each time: the real api, control and
// agent on fakes of their ports, and what they say to each other through the real codecs and seals.
// bench/instructions counts it under callgrind.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

#include "api/api.h"
#include "consul/codec.h"
#include "control/control.h"
#include "crypto/x25519.h"
#include "log/log.h"
#include "metrics/metrics.h"
#include "natsbus/guard.h"
#include "netlink/codec.h"
#include "testing/fake_audit.h"
#include "testing/fake_bus.h"
#include "testing/fake_clock.h"
#include "testing/fake_gateway.h"
#include "testing/fake_store.h"
#include "testing/run.h"
#include "testing/samples.h"
#include "uapi/codec.h"
#include "wire/messages.h"
#include "wire/records.h"

namespace peerage {
namespace {

void must(bool fine) {
  if (!fine) throw std::runtime_error("an enrolment did not go as it should");
}

/// Carries what is applied as bytes, sealed and judged, there and back; and has it written as it
/// goes to Consul and to either device.
class coding_bus final : public bus {
 public:
  explicit coding_bus(clock& time)
      : api_(make_private_key(), "0b9ad5ab-6f0e-4e4d-a8a9-d1e5f6d3c1f2", time),
        gateway_(make_private_key(), "", time),
        carrier_(time) {
    api_.keys().know(party_kind::gateway,
                     {{party_kind::gateway, "gw-1", gateway_.keys().open_key()}});
    gateway_.keys().know(party_kind::api, {{party_kind::api, api_.api(), api_.keys().open_key()}});
    carrier_.as_text = false;  // apply() writes and reads what it carries
  }

  task<result<apply_reply>> apply(gateway_name to, apply_request request,
                                  steady_time deadline) override {
    write_for_others(request);
    const std::string subject = "peerage.v1.gateway.gw-1.apply";
    const std::string asked = wire::write(request);
    const auto question = api_.ask(to, subject, asked);
    must(question.has_value());
    const auto asker = gateway_.judge(to, subject, question->seal, asked);
    auto heard = wire::read_apply_request(asked);
    must(asker && asker->fresh && heard);
    const auto replied = co_await carrier_.apply(to, *std::move(heard), deadline);
    must(replied.has_value());
    const std::string answer = wire::write(*replied);
    must(api_.believes(*question, gateway_.answer(to, subject, *asker, answer), answer));
    co_return wire::read_apply_reply(answer);
  }
  task<result<status_reply>> status(gateway_name to, status_request request,
                                    steady_time deadline) override {
    return carrier_.status(std::move(to), std::move(request), deadline);
  }
  result<> serve(gateway_name name, gateway_service& service) override {
    return carrier_.serve(std::move(name), service);
  }
  void stop_serving(const gateway_name& name) override { carrier_.stop_serving(name); }
  void publish(const heartbeat& beat) override { carrier_.publish(beat); }
  void listen(std::function<void(const heartbeat&)> hear) override {
    carrier_.listen(std::move(hear));
  }
  task<result<accept_removals_reply>> accept_removals(gateway_name to,
                                                      steady_time deadline) override {
    return carrier_.accept_removals(std::move(to), deadline);
  }
  void publish(const event& what) override { carrier_.publish(what); }
  void listen(std::function<void(const event&)> hear) override { carrier_.listen(std::move(hear)); }
  bool connected() const override { return true; }

 private:
  static void write_for_others(const apply_request& request) {
    for (const peer_change& each : request.changes) {
      const auto* putting = std::get_if<put_peer_change>(&each);
      if (putting == nullptr) continue;
      const assignment& one = putting->peer;
      const std::string text = wire::write(one);
      must(wire::read_assignment(text).has_value());
      const std::vector<consul::operation> operations{
          {consul::verb::cas, "peerage/v1/at/gw-1/" + one.id.name.text(), text, 0, 0}};
      must(!consul::write_txn(operations).empty());
      const std::vector<device_change> changes{
          set_peer{{one.public_key, one.preshared_key, one.addresses}}};
      must(!uapi::encode_changes(changes).reveal().empty());
      must(netlink::change_encoder(30, "wg0", changes).next().has_value());
    }
  }

  nats::guard api_, gateway_;
  fakes::fake_bus carrier_;
};

http::response ask(asio::io_context& loop, api& front, const std::string& secret, std::string path,
                   std::string body) {
  http::request wanted;
  wanted.method = "POST";
  wanted.path = std::move(path);
  wanted.headers.emplace_back("Authorization", "Bearer " + secret);
  wanted.headers.emplace_back("Content-Type", "application/json");
  wanted.body = std::move(body);
  http::response answer = fakes::run_on(loop, front.handle(std::move(wanted)));
  must(answer.status == 201);
  return answer;
}

void enrol(std::uint32_t count) {
  log::set_level(log::level::off);
  asio::io_context loop;
  fakes::fake_clock time{loop.get_executor()};
  fakes::fake_store store;
  coding_bus word{time};
  std::uint8_t last = 0;
  control_options options;
  options.random = [&](std::span<std::uint8_t> out) {
    for (auto& byte : out) byte = static_cast<std::uint8_t>(last = last * 5 + 7);
  };
  control mind{loop.get_executor(), store, word, time, std::move(options)};
  metrics counts;
  fakes::fake_audit audit;
  api front{mind, counts, audit, "api-1"};
  must(fakes::run_on(loop, mind.start()).has_value());
  fakes::fake_gateway gateway{loop, store, word, time, fakes::sample_gateway("gw-1")};
  token_request wanted;
  wanted.scopes = {scope::admin};
  const principal everybody{};
  const auto token = fakes::run_on(loop, mind.create_token(everybody, std::move(wanted)));
  must(token.has_value());
  for (int i = 0; i < 20; ++i) {
    time.advance(milliseconds{50});
    loop.restart();
    loop.poll();
  }
  const std::string secret(token->secret.reveal());
  ask(loop, front, secret, "/v1/networks", R"({"name": "acme"})");
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::string body = R"({"name": "peer-)" + std::to_string(1'000 + i) +
                             R"(", "public_key": ")" + fakes::sample_key(i + 1).text() + "\"}";
    const auto answer = ask(loop, front, secret, "/v1/networks/acme/peers", body);
    must(answer.body.contains("\"state\":\"live\""));
  }
  must(gateway.tunnel.peers.size() == count);
  fakes::run_on(loop, mind.stop());
  gateway.stop();
}

}  // namespace
}  // namespace peerage

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  peerage::enrol(static_cast<std::uint32_t>(std::atoi(argv[1])));
}
