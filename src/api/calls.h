// One function for each call of the table in routes.cc.
#pragma once

#include "api/routes.h"

namespace peerage {

task<http::response> get_health(const call&);
task<http::response> get_ready(const call&);
task<http::response> get_metrics(const call&);
task<http::response> get_openapi(const call&);

task<http::response> post_network(const call&);
task<http::response> get_networks(const call&);
task<http::response> get_network(const call&);
task<http::response> delete_network(const call&);

task<http::response> get_gateways(const call&);
task<http::response> get_gateway(const call&);
task<http::response> delete_gateway(const call&);
task<http::response> put_drain(const call&);
task<http::response> post_accept_gateway(const call&);
task<http::response> post_accept_removals(const call&);

task<http::response> post_peer(const call&);
task<http::response> get_peers(const call&);
task<http::response> put_peer(const call&);
task<http::response> get_peer(const call&);
task<http::response> delete_peer(const call&);

task<http::response> get_events(const call&);

task<http::response> post_token(const call&);
task<http::response> get_tokens(const call&);
task<http::response> delete_token(const call&);

task<http::response> get_audit(const call&);

/// A path's segment as a name of some kind; errc::invalid with `field`.
template <class Name>
result<Name> name_in_path(const std::string& segment, std::string_view field) {
  auto made = Name::parse(segment);
  if (!made) return fail(errc::invalid, made.error().message, std::string(field));
  return made;
}

}  // namespace peerage
