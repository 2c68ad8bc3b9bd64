// Whether clients can use an endpoint, "HOST:PORT" as model/gateway.h reads it. Pure: names are not
// looked up.
#pragma once

#include <string>
#include <string_view>

namespace peerage {

/// Why no client could ever use it, in words that follow "is"; empty: one can.
std::string useless_because(std::string_view endpoint);

/// Which clients alone can use it, in words; empty: it says nothing of that.
std::string only_for(std::string_view endpoint);

}  // namespace peerage
