#include "api/fixture.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <optional>
#include <stdexcept>

#include "api/api.h"
#include "api/openapi_check.h"
#include "log/log.h"
#include "testing/fake_audit.h"
#include "testing/fake_bus.h"
#include "testing/fake_clock.h"
#include "testing/fake_gateway.h"
#include "testing/fake_store.h"
#include "testing/run.h"
#include "testing/samples.h"

namespace peerage {
namespace {

constexpr milliseconds step{10};
constexpr milliseconds most_patience{60'000};

const openapi_check& document() {
  static const openapi_check all(openapi_document());
  return all;
}

gateway sample(std::string_view name, std::string_view region, std::uint16_t number) {
  gateway made = fakes::sample_gateway(name, number);
  made.region = *region_name::parse(region);
  return made;
}

std::string with_more(std::string members, std::string_view more) {
  if (!more.empty()) members += (members.empty() ? "" : ", ") + std::string(more);
  return "{" + members + "}";
}

struct describe {
  std::string operator()(const network& one) const {
    std::string text = one.name.text() + " " + one.ipv6.text();
    if (one.ipv4) text += " " + one.ipv4->text();
    return "network " + text;
  }
  std::string operator()(const gateway& one) const {
    return "gateway " + one.name.text() + (one.draining ? " draining" : "");
  }
  std::string operator()(const peer& one) const {
    return "peer " + one.id.network.text() + "/" + one.id.name.text() + " " +
           one.public_key.text() + " " + one.gateway.text();
  }
  std::string operator()(const token& one) const { return "token " + one.id.text(); }
  std::string operator()(const mark& one) const { return "mark " + one.name; }
};

}  // namespace

struct api_fixture::parts {
  explicit parts(control_options options)
      : mind(loop.get_executor(), store, bus, time, std::move(options)) {}

  asio::io_context loop;
  fakes::fake_clock time{loop.get_executor()};
  fakes::fake_store store;
  fakes::fake_bus bus{time};
  control mind;
  metrics counts;
  fakes::fake_audit audit;
  api front{mind, counts, audit, "api-1"};
  std::unique_ptr<fakes::fake_gateway> fra, iad;
  std::string admin;

  void run() {
    loop.restart();
    loop.poll();
  }
};

api_fixture::api_fixture(control_options options)
    : parts_(std::make_unique<parts>(std::move(options))) {
  log::set_level(log::level::error);
  parts& all = *parts_;
  fakes::run_on(all.loop, all.mind.start()).value();
  all.fra = std::make_unique<fakes::fake_gateway>(all.loop, all.store, all.bus, all.time,
                                                  sample("gw-fra-1", "fra", 1));
  all.iad = std::make_unique<fakes::fake_gateway>(all.loop, all.store, all.bus, all.time,
                                                  sample("gw-iad-1", "iad", 2));
  token_request wanted;
  wanted.scopes = {scope::admin};
  const principal everybody{};
  const auto made = fakes::run_on(all.loop, all.mind.create_token(everybody, std::move(wanted)));
  all.admin = made->secret.reveal();
  fakes::run_on(all.loop, all.mind.list_gateways()).value();  // accepted from here on
  pass(milliseconds{100});
}

api_fixture::~api_fixture() {
  // A request that was given up is still under way: its answer waits for a deadline.
  pass(most_patience);
  fakes::run_on(parts_->loop, parts_->mind.stop());
  parts_->fra->stop();
  parts_->iad->stop();
}

void api_fixture::pass(milliseconds span) {
  constexpr milliseconds stride{50};
  parts_->run();
  for (milliseconds gone{0}; gone < span; gone += stride) {
    parts_->time.advance(stride);
    parts_->run();
  }
}

api_answer api_fixture::send(http::request request) {
  const std::string method = request.method, path = request.path;
  std::optional<http::response> got;
  asio::co_spawn(parts_->loop, parts_->front.handle(std::move(request)),
                 [&](std::exception_ptr thrown, http::response answer) {
                   if (thrown) std::rethrow_exception(thrown);
                   got = std::move(answer);
                 });
  parts_->run();
  for (milliseconds waited{0}; !got && waited < most_patience; waited += step) {
    parts_->time.advance(step);
    parts_->run();
  }
  if (!got) throw std::runtime_error(method + " " + path + " was never answered");
  for (const std::string& fault : document().answer_faults(method, path, *got)) {
    ADD_FAILURE() << method << " " << path << ", answered " << got->status << " " << got->body
                  << "\n  against openapi.json: " << fault;
  }
  api_answer made{got->status, *got, nullptr};
  if (auto body = json::parse(got->body, 64)) made.body = *std::move(body);
  return made;
}

api_answer api_fixture::ask_as(std::string_view secret, std::string_view method,
                               std::string_view target, std::string body) {
  http::request request;
  request.method = method;
  const auto mark = target.find('?');
  request.remote = "192.0.2.7";
  request.path = target.substr(0, mark);
  if (mark != std::string_view::npos) request.query = target.substr(mark + 1);
  if (!secret.empty()) {
    request.headers.emplace_back("Authorization", "Bearer " + std::string(secret));
  }
  const auto sent = json::parse(body);
  if (!body.empty()) request.headers.emplace_back("Content-Type", "application/json");
  request.body = std::move(body);
  const std::string path = request.path;
  api_answer answer = send(std::move(request));
  // What the server takes, its document allows.
  if (sent && answer.status < 300 && (method == "POST" || method == "PUT")) {
    for (const std::string& fault : document().body_faults(method, path, *sent))
      ADD_FAILURE() << method << " " << path << " took what openapi.json forbids: " << fault;
  }
  return answer;
}

api_answer api_fixture::ask(std::string_view method, std::string_view target, std::string body) {
  return ask_as(parts_->admin, method, target, std::move(body));
}

api_answer api_fixture::make_network(std::string_view name, std::string_view more) {
  return ask("POST", "/v1/networks", with_more("\"name\": \"" + std::string(name) + "\"", more));
}

api_answer api_fixture::enrol(std::string_view name, std::uint32_t key, std::string_view more) {
  return ask("POST", "/v1/networks/acme/peers", peer_body(name, key, more));
}

std::string api_fixture::make_token(std::string_view scopes, std::string_view more) {
  const auto made =
      ask("POST", "/v1/tokens", with_more("\"scopes\": " + std::string(scopes), more));
  EXPECT_EQ(made.status, 201) << made.raw.body;
  return made.at("token");
}

std::vector<std::string> api_fixture::stored() {
  std::vector<std::string> all;
  std::vector<listing> lists = {all_networks{}, all_gateways{}, all_tokens{}};
  for (std::size_t i = 0; i < lists.size(); ++i) {
    page_query query{lists[i], {}, 1'000};
    const auto got = fakes::run_on(parts_->loop, parts_->store.list(query));
    for (const auto& each : got->items) {
      all.push_back(std::visit(describe{}, each.value) + " at " +
                    std::to_string(each.revision.number));
      if (const auto* one = std::get_if<network>(&each.value)) {
        lists.emplace_back(peers_of_network{one->name});
      }
    }
  }
  return all;
}

peer api_fixture::stored_peer(std::string_view network, std::string_view name) {
  record_key key = peer_id{*network_name::parse(network), *peer_name::parse(name)};
  auto found = fakes::run_on(parts_->loop, parts_->store.get(std::move(key)));
  return std::get<peer>(found.value().value().value);
}

fakes::fake_store& api_fixture::store() {
  return parts_->store;
}
fakes::fake_bus& api_fixture::bus() {
  return parts_->bus;
}
fakes::fake_clock& api_fixture::time() {
  return parts_->time;
}
fakes::fake_gateway& api_fixture::fra() {
  return *parts_->fra;
}
fakes::fake_gateway& api_fixture::iad() {
  return *parts_->iad;
}
const std::vector<audit_entry>& api_fixture::audit() const {
  return parts_->audit.entries;
}

asio::io_context& api_fixture::loop() {
  return parts_->loop;
}
control& api_fixture::mind() {
  return parts_->mind;
}
const std::string& api_fixture::admin() const {
  return parts_->admin;
}

std::string api_answer::at(std::string_view path) const {
  const json::value* now = &body;
  while (now != nullptr && !path.empty()) {
    const auto dot = path.find('.');
    const std::string step_name(path.substr(0, dot));
    path = dot == std::string_view::npos ? std::string_view{} : path.substr(dot + 1);
    if (now->is_array()) {
      now = now->get_array().if_contains(std::stoul(step_name));
    } else {
      now = now->is_object() ? now->get_object().if_contains(step_name) : nullptr;
    }
  }
  if (now == nullptr) return {};
  const auto* text = now->if_string();
  return text ? std::string(text->data(), text->size()) : json::serialize(*now);
}

std::string peer_body(std::string_view name, std::uint32_t key, std::string_view more) {
  std::string members = "\"public_key\": \"" + fakes::sample_key(key).text() + "\"";
  if (!name.empty()) members = "\"name\": \"" + std::string(name) + "\", " + members;
  return with_more(std::move(members), more);
}

}  // namespace peerage
