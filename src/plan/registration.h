// What API processes go by of a gateway's registration. A gateway writes its own record; what
// others rely on, its number, region and endpoint, counts as it was at first or as an operator
// accepted it. Kept in the store as one mark, a line for each. Pure.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/gateway.h"

namespace peerage {

struct accepted_gateway {
  gateway_name name;
  std::uint16_t number = 0;
  region_name region;
  peerage::public_key public_key;
  std::string endpoint;

  bool operator==(const accepted_gateway&) const = default;
};

/// In order of name. Lines that can't be read are passed over.
std::vector<accepted_gateway> parse_accepted(std::string_view text);
std::string format_accepted(const std::vector<accepted_gateway>& all);

accepted_gateway accepted_from(const gateway& registered);
const accepted_gateway* find_accepted(std::span<const accepted_gateway> all,
                                      const gateway_name& name);

/// Whose number or public key the registration has beside its own; nothing where nobody's.
std::optional<gateway_name> clashes(std::span<const accepted_gateway> all,
                                    const accepted_gateway& with);

/// A gateway as others may rely on it.
struct vouched_gateway {
  gateway what;
  std::string doubt = {};  // what its record says and is not believed, in words; empty: nothing
  bool usable = true;      // peers may be placed on it
};

/// `registered` is nothing where its record is gone or can't be read; `known` where it has not been
/// accepted. One of them is there.
vouched_gateway vouch(const gateway* registered, const accepted_gateway* known);

}  // namespace peerage
