#include "api/routes.h"

#include <array>

#include "api/calls.h"

namespace peerage {
namespace {

constexpr std::array<route, 24> table = {{
    {"GET", "/healthz", {}, get_health},
    {"GET", "/readyz", {}, get_ready},
    {"GET", "/metrics", {}, get_metrics},
    {"GET", "/v1/openapi.json", {}, get_openapi},
    {"POST", "/v1/networks", action::manage_networks, post_network},
    {"GET", "/v1/networks", action::read_networks, get_networks},
    {"GET", "/v1/networks/{network}", action::read_networks, get_network},
    {"DELETE", "/v1/networks/{network}", action::manage_networks, delete_network},
    {"GET", "/v1/gateways", action::read_gateways, get_gateways},
    {"GET", "/v1/gateways/{gateway}", action::read_gateways, get_gateway},
    {"DELETE", "/v1/gateways/{gateway}", action::manage_gateways, delete_gateway},
    {"PUT", "/v1/gateways/{gateway}/drain", action::manage_gateways, put_drain},
    {"POST", "/v1/gateways/{gateway}/accept", action::manage_gateways, post_accept_gateway},
    {"POST", "/v1/gateways/{gateway}/accept-removals", action::manage_gateways,
     post_accept_removals},
    {"POST", "/v1/networks/{network}/peers", action::make_peers, post_peer},
    {"GET", "/v1/networks/{network}/peers", action::read_peers, get_peers},
    {"PUT", "/v1/networks/{network}/peers/{name}", action::make_peers, put_peer},
    {"GET", "/v1/networks/{network}/peers/{name}", action::read_peers, get_peer},
    {"DELETE", "/v1/networks/{network}/peers/{name}", action::change_peers, delete_peer},
    {"GET", "/v1/events", action::read_peers, get_events},
    {"POST", "/v1/tokens", action::manage_tokens, post_token},
    {"GET", "/v1/tokens", action::manage_tokens, get_tokens},
    {"DELETE", "/v1/tokens/{id}", action::manage_tokens, delete_token},
    {"GET", "/v1/audit", action::read_audit, get_audit},
}};

}  // namespace

std::span<const route> routes() {
  return table;
}

}  // namespace peerage
