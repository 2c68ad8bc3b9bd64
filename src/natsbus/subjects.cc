#include "natsbus/subjects.h"

namespace peerage::nats {
namespace {

constexpr std::string_view prefix = "peerage.v1.gateway.";

}  // namespace

std::string_view name_of(action value) {
  switch (value) {
    case action::apply: return "apply";
    case action::status: return "status";
    case action::accept_removals: return "accept-removals";
    case action::heartbeat: return "heartbeat";
  }
  return {};
}

std::string subject_of(const gateway_name& gateway, action what) {
  // A gateway's name is a DNS label: it has no dot and no wildcard.
  return std::string(prefix) + gateway.text() + "." + std::string(name_of(what));
}

std::string subject_of_nobody(action what) {
  std::string made(prefix);
  return made.append("_.").append(name_of(what));
}

std::optional<gateway_name> gateway_of_heartbeat(std::string_view subject) {
  constexpr std::string_view end = ".heartbeat";
  if (!subject.starts_with(prefix) || !subject.ends_with(end)) return {};
  if (subject.size() < prefix.size() + end.size()) return {};
  subject.remove_prefix(prefix.size());
  subject.remove_suffix(end.size());
  auto name = gateway_name::parse(subject);
  if (!name) return {};
  return *std::move(name);
}

}  // namespace peerage::nats
