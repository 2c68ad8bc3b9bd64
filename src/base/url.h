// URLs as they may be told. Pure.
#pragma once

#include <string>
#include <string_view>

namespace peerage {

/// A URL without "USER:PASSWORD@" or "TOKEN@": for logs and messages.
std::string without_user(std::string_view url);

}  // namespace peerage
