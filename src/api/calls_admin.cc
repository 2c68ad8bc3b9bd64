// Networks, gateways and tokens.
#include <utility>

#include "api/calls.h"
#include "api/problem.h"
#include "api/read.h"
#include "api/write.h"

namespace peerage {
namespace {

http::response no_content() {
  http::response answer;
  answer.status = 204;
  return answer;
}

template <class T>
http::response listed(const std::vector<T>& from) {
  json::array items;
  for (const T& each : from) items.emplace_back(written(each));
  return json_answer(200, written_list(std::move(items), {}));
}

}  // namespace

task<http::response> post_network(const call& now) {
  if (auto none = read_no_query(now.request.query); !none) co_return problem(none.error());
  auto body = read_body(now.request);
  if (!body) co_return problem(body.error());
  auto wanted = read_network(*body);
  if (!wanted) co_return problem(wanted.error());
  now.noted.network = wanted->name.text();
  const auto made = co_await now.mind.create_network(now.who, *std::move(wanted));
  if (!made) co_return problem(made.error());
  http::response answer = json_answer(201, written(*made));
  answer.set_header("Location", "/v1/networks/" + made->name.text());
  co_return answer;
}

task<http::response> get_networks(const call& now) {
  if (auto none = read_no_query(now.request.query); !none) co_return problem(none.error());
  const auto found = co_await now.mind.list_networks(now.who);
  co_return found ? listed(*found) : problem(found.error());
}

task<http::response> get_network(const call& now) {
  auto name = name_in_path<network_name>(now.captured[0], "network");
  if (!name) co_return problem(name.error());
  if (auto none = read_no_query(now.request.query); !none) co_return problem(none.error());
  const auto found = co_await now.mind.show_network(now.who, *std::move(name));
  co_return found ? json_answer(200, written(*found)) : problem(found.error());
}

task<http::response> delete_network(const call& now) {
  auto name = name_in_path<network_name>(now.captured[0], "network");
  if (!name) co_return problem(name.error());
  if (auto none = read_no_query(now.request.query); !none) co_return problem(none.error());
  const auto gone = co_await now.mind.remove_network(now.who, *std::move(name));
  co_return gone ? no_content() : problem(gone.error());
}

task<http::response> get_gateways(const call& now) {
  if (auto none = read_no_query(now.request.query); !none) co_return problem(none.error());
  const auto found = co_await now.mind.list_gateways();
  co_return found ? listed(*found) : problem(found.error());
}

task<http::response> get_gateway(const call& now) {
  auto name = name_in_path<gateway_name>(now.captured[0], "gateway");
  if (!name) co_return problem(name.error());
  if (auto none = read_no_query(now.request.query); !none) co_return problem(none.error());
  const auto found = co_await now.mind.show_gateway(*std::move(name));
  co_return found ? json_answer(200, written(*found)) : problem(found.error());
}

task<http::response> delete_gateway(const call& now) {
  auto name = name_in_path<gateway_name>(now.captured[0], "gateway");
  if (!name) co_return problem(name.error());
  if (auto none = read_no_query(now.request.query); !none) co_return problem(none.error());
  const auto gone = co_await now.mind.remove_gateway(*std::move(name));
  co_return gone ? no_content() : problem(gone.error());
}

task<http::response> put_drain(const call& now) {
  auto name = name_in_path<gateway_name>(now.captured[0], "gateway");
  if (!name) co_return problem(name.error());
  if (auto none = read_no_query(now.request.query); !none) co_return problem(none.error());
  auto body = read_body(now.request);
  if (!body) co_return problem(body.error());
  const auto drain = read_drain(*body);
  if (!drain) co_return problem(drain.error());
  const auto found = co_await now.mind.drain_gateway(*std::move(name), *drain);
  co_return found ? json_answer(200, written(*found)) : problem(found.error());
}

task<http::response> post_accept_gateway(const call& now) {
  auto name = name_in_path<gateway_name>(now.captured[0], "gateway");
  if (!name) co_return problem(name.error());
  if (auto none = read_no_query(now.request.query); !none) co_return problem(none.error());
  now.noted.did = deed::changed;
  const auto accepted = co_await now.mind.accept_gateway(*std::move(name));
  co_return accepted ? json_answer(200, written(*accepted)) : problem(accepted.error());
}

task<http::response> post_accept_removals(const call& now) {
  auto name = name_in_path<gateway_name>(now.captured[0], "gateway");
  if (!name) co_return problem(name.error());
  if (auto none = read_no_query(now.request.query); !none) co_return problem(none.error());
  now.noted.did = deed::changed;
  const auto released = co_await now.mind.accept_removals(*std::move(name));
  if (!released) co_return problem(released.error());
  json::object answer{{"released", *released}};
  co_return json_answer(200, answer);
}

task<http::response> post_token(const call& now) {
  if (auto none = read_no_query(now.request.query); !none) co_return problem(none.error());
  auto body = read_body(now.request);
  if (!body) co_return problem(body.error());
  auto wanted = read_token(*body);
  if (!wanted) co_return problem(wanted.error());
  if (wanted->network) now.noted.network = wanted->network->text();
  const auto made = co_await now.mind.create_token(now.who, *std::move(wanted));
  if (!made) co_return problem(made.error());
  now.noted.made_token = made->what.id.text();
  json::object answer = written(made->what);
  answer["token"] = std::string(made->secret.reveal());
  co_return json_answer(201, answer);
}

task<http::response> get_tokens(const call& now) {
  if (auto none = read_no_query(now.request.query); !none) co_return problem(none.error());
  const auto found = co_await now.mind.list_tokens(now.who);
  co_return found ? listed(*found) : problem(found.error());
}

task<http::response> delete_token(const call& now) {
  auto id = name_in_path<token_id>(now.captured[0], "id");
  if (!id) co_return problem(id.error());
  const auto force = read_force_query(now.request.query);
  if (!force) co_return problem(force.error());
  const auto gone = co_await now.mind.remove_token(now.who, *std::move(id), *force);
  co_return gone ? no_content() : problem(gone.error());
}

}  // namespace peerage
