// Records as JSON text, both ways: what a store of keys and values keeps under each key. Pure.
// Members that this version does not know are passed over, so that two versions can share a store.
// Whatever else is wrong is errc::corrupt, with the member to blame.
#pragma once

#include <string>
#include <string_view>

#include "model/apply.h"
#include "model/record.h"

namespace peerage::wire {

std::string write(const network& from);
std::string write(const gateway& from);
std::string write(const peer& from);
std::string write(const token& from);
std::string write(const mark& from);
/// What a gateway reads of a peer: never a token, never another gateway's.
std::string write(const assignment& from);

result<network> read_network(std::string_view text);
result<gateway> read_gateway(std::string_view text);
result<peer> read_peer(std::string_view text);
result<token> read_token(std::string_view text);
result<mark> read_mark(std::string_view text);
result<assignment> read_assignment(std::string_view text);

}  // namespace peerage::wire
