// The JSON bodies of the API's calls. What is accepted keeps the contract's rules, and what is
// refused is refused in words that go into an answer.
#include "api/read.h"
#include "fuzz/fuzz.h"

namespace peerage {
namespace {

template <class T>
void answerable(const result<T>& from) {
  if (from) return;
  json::object problem;
  problem["detail"] = from.error().message;
  problem["field"] = from.error().field;
  fuzz::hold(json::parse(json::serialize(problem)).has_value(), "a refusal can be sent");
}

void enrolments(const json::object& body, const peer_name* in_path) {
  const auto asked = read_enrol(body, in_path);
  answerable(asked);
  if (!asked) return;
  fuzz::hold(in_path != nullptr || asked->public_key.has_value(), "POST has a key");
  if (in_path != nullptr && asked->name) fuzz::hold(*asked->name == *in_path, "one name");
  fuzz::hold(asked->wait >= milliseconds{0} && asked->wait <= milliseconds{30'000}, "wait_ms");
  if (asked->ttl.value) {
    fuzz::hold(*asked->ttl.value >= seconds{1} && *asked->ttl.value <= seconds{315'360'000},
               "ttl_s");
  }
  if (asked->public_key) {
    const auto again = public_key::parse(asked->public_key->text());
    fuzz::hold(again && *again == *asked->public_key, "a key reads as the same");
  }
}

void networks(const json::object& body) {
  const auto asked = read_network(body);
  answerable(asked);
  if (!asked) return;
  fuzz::hold(is_label(asked->name.text()), "a network has a name");
  if (asked->ipv6) fuzz::hold(asked->ipv6->length() == 48, "ipv6 is a /48");
  if (asked->allowed_ips) fuzz::hold(!asked->allowed_ips->empty(), "allowed_ips is not empty");
}

void tokens(const json::object& body) {
  const auto asked = read_token(body);
  answerable(asked);
  if (asked) fuzz::hold(!asked->scopes.empty(), "a token may do something");
}

}  // namespace
}  // namespace peerage

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace peerage;
  http::request request;
  request.headers.emplace_back("Content-Type", "application/json");
  request.body = fuzz::text_of(data, size);
  const auto body = read_body(request);
  answerable(body);
  if (!body) return 0;
  static const peer_name in_path = peer_name::parse("ci-4711").value();
  enrolments(*body, nullptr);
  enrolments(*body, &in_path);
  networks(*body);
  tokens(*body);
  answerable(read_drain(*body));
  return 0;
}
