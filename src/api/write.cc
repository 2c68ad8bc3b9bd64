#include "api/write.h"

#include <array>
#include <cmath>
#include <utility>

namespace peerage {
namespace {

constexpr int keepalive_s = 25;

template <class T>
json::value text_or_null(const std::optional<T>& from) {
  if (!from) return nullptr;
  return json::value(from->text());
}

json::value time_or_null(const std::optional<wall_time>& from) {
  if (!from) return nullptr;
  return json::value(to_rfc3339(*from));
}

template <class T>
json::array texts(const std::vector<T>& from) {
  json::array all;
  for (const T& each : from) all.emplace_back(each.text());
  return all;
}

/// Milliseconds to the microsecond: what can be measured, and no digit more.
double to_ms(std::chrono::nanoseconds from) {
  return std::round(static_cast<double>(from.count()) / 1e3) / 1e3;
}

using stage = std::pair<const char*, std::chrono::nanoseconds>;
std::array<stage, 4> stages(const stage_times& from) {
  return {{{"store", from.store},
           {"gateway", from.gateway},
           {"device", from.device},
           {"total", from.total}}};
}

}  // namespace

json::object written(const network& from) {
  return {{"name", from.name.text()},
          {"ipv6", from.ipv6.text()},
          {"ipv4", text_or_null(from.ipv4)},
          {"dns", texts(from.dns)},
          {"allowed_ips", texts(from.allowed_ips)},
          {"created_at", to_rfc3339(from.created_at)}};
}

json::object written(const gateway_info& from) {
  json::object made{{"name", from.what.name.text()},
                    {"number", from.what.number},
                    {"region", from.what.region.text()},
                    {"public_key", from.what.public_key.text()},
                    {"endpoint", from.what.endpoint},
                    {"mtu", from.what.mtu},
                    {"live", from.live},
                    {"draining", from.what.draining},
                    {"device", from.what.device},
                    {"peers", from.peers},
                    {"left_out", from.left_out},
                    {"capacity", from.what.capacity}};
  if (!from.trouble.empty()) made["trouble"] = from.trouble;
  return made;
}

json::object written(const token& from) {
  json::array scopes;
  for (const scope each : from.scopes) scopes.emplace_back(std::string(name_of(each)));
  return {{"id", from.id.text()},
          {"name", from.name},
          {"network", text_or_null(from.network)},
          {"scopes", std::move(scopes)},
          {"created_at", to_rfc3339(from.created_at)},
          {"expires_at", time_or_null(from.expires_at)},
          {"last_used_at", time_or_null(from.last_used_at)},
          {"max_peers", from.max_peers ? json::value(*from.max_peers) : json::value(nullptr)},
          {"max_ttl_s", from.max_ttl ? json::value(from.max_ttl->count()) : json::value(nullptr)}};
}

json::object written(const audit_entry& from) {
  const auto text = [](const std::string& of) {
    return of.empty() ? json::value(nullptr) : json::value(of);
  };
  json::object made{{"at", to_rfc3339(from.at)},
                    {"process", from.process},
                    {"token", from.token.text()},
                    {"remote", from.remote},
                    {"call", from.call},
                    {"did", std::string(name_of(from.did))},
                    {"status", from.status},
                    {"network", text(from.network)},
                    {"peer", text(from.peer)},
                    {"gateway", text(from.gateway)},
                    {"made_token", text(from.made_token)},
                    {"public_key", text(from.public_key)}};
  if (from.more > 0) made["more"] = from.more;
  return made;
}

json::object written(const peer_view& from, bool seen) {
  const peer& one = from.what.value;
  const gateway& on = from.gateway;
  json::object made{{"name", one.id.name.text()},
                    {"network", one.id.network.text()},
                    {"public_key", one.public_key.text()},
                    {"addresses", texts(one.addresses())},
                    {"state", std::string(name_of(from.state))},
                    {"revision", from.what.revision.number},
                    {"created_at", to_rfc3339(one.created_at)},
                    {"live_at", time_or_null(from.live_at)},
                    {"expires_at", time_or_null(one.expires_at)},
                    {"gateway",
                     {{"name", on.name.text()},
                      {"region", on.region.text()},
                      {"public_key", on.public_key.text()},
                      {"endpoint", on.endpoint},
                      {"mtu", on.mtu}}},
                    {"allowed_ips", texts(from.network.allowed_ips)},
                    {"dns", texts(from.network.dns)},
                    {"keepalive_s", keepalive_s}};
  if (!from.reason.empty()) made["reason"] = from.reason;
  if (seen) {
    const peer_status none{};
    const peer_status& status = from.seen ? *from.seen : none;
    made["endpoint"] =
        status.endpoint.empty() ? json::value(nullptr) : json::value(status.endpoint);
    made["last_handshake_at"] = time_or_null(status.last_handshake_at);
    made["rx_bytes"] = status.rx_bytes;
    made["tx_bytes"] = status.tx_bytes;
  }
  return made;
}

json::object written(const enrolment& from) {
  json::object made = written(from.view, false);
  if (!from.reason.empty()) made["reason"] = from.reason;
  json::object timing;
  for (const auto& [name, took] : stages(from.took)) timing[name] = to_ms(took);
  made["timing_ms"] = std::move(timing);
  return made;
}

json::object written_list(json::array items, const std::optional<std::string>& next) {
  json::object made;
  made["items"] = std::move(items);
  made["next_cursor"] = next ? json::value(*next) : json::value(nullptr);
  return made;
}

std::string server_timing(const stage_times& from) {
  std::string text;
  for (const auto& [name, took] : stages(from)) {
    const long long us = std::llround(static_cast<double>(took.count()) / 1e3);
    const std::string part = std::to_string(us % 1'000);
    text += (text.empty() ? "" : ", ") + std::string(name) + ";dur=" + std::to_string(us / 1'000);
    text += "." + std::string(3 - part.size(), '0') + part;
  }
  return text;
}

}  // namespace peerage
