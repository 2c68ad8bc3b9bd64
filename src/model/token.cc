#include "model/token.h"

namespace peerage {
namespace {

struct named_scope {
  scope value;
  std::string_view name;
};

/// In the order of `scope`.
constexpr std::array<named_scope, scope_count> all_scopes = {{
    {scope::admin, "admin"},
    {scope::peers_read, "peers:read"},
    {scope::peers_write, "peers:write"},
    {scope::peers_manage, "peers:manage"},
    {scope::networks_manage, "networks:manage"},
    {scope::gateways_read, "gateways:read"},
    {scope::gateways_manage, "gateways:manage"},
}};

}  // namespace

std::string_view name_of(scope value) {
  return all_scopes.at(static_cast<std::size_t>(value)).name;
}

std::optional<scope> scope_named(std::string_view name) {
  for (const auto& each : all_scopes)
    if (each.name == name) return each.value;
  return {};
}

}  // namespace peerage
