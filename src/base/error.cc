#include "base/error.h"

namespace peerage {

std::string_view name_of(errc code) {
  switch (code) {
    case errc::unavailable: return "unavailable";
    case errc::full: return "full";
    case errc::outcome_unknown: return "outcome_unknown";
    case errc::timeout: return "timeout";
    case errc::conflict: return "conflict";
    case errc::not_found: return "not_found";
    case errc::invalid: return "invalid";
    case errc::denied: return "denied";
    case errc::unsupported: return "unsupported";
    case errc::corrupt: return "corrupt";
    case errc::io: return "io";
  }
  return "unknown";
}

}  // namespace peerage
