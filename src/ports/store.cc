#include "ports/store.h"

namespace peerage {

std::string position(const listing& what, const record& item) {
  if (const auto* value = std::get_if<network>(&item)) return value->name.text();
  if (const auto* value = std::get_if<gateway>(&item)) return value->name.text();
  if (const auto* value = std::get_if<token>(&item)) return value->id.text();
  if (const auto* value = std::get_if<mark>(&item)) return value->name;
  const auto* value = std::get_if<peer>(&item);
  if (value == nullptr) return {};
  if (std::holds_alternative<peers_of_network>(what)) return value->id.name.text();
  return value->id.network.text() + "/" + value->id.name.text();
}

}  // namespace peerage
