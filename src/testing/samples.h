// Small valid things for tests to begin from.
#pragma once

#include <cstdint>
#include <string_view>

#include "model/record.h"

namespace peerage::fakes {

public_key sample_key(std::uint32_t n);
network sample_network(std::string_view name, std::string_view ipv6 = "fd00:1::/48");
gateway sample_gateway(std::string_view name, std::uint16_t number = 1);
peer sample_peer(std::string_view network, std::string_view name, std::uint32_t n,
                 std::string_view gateway = "gw-1");
token sample_token(std::string_view id);

}  // namespace peerage::fakes
