// An entry of the audit as one line of JSON, both ways. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "model/audit.h"

namespace peerage::wire {

/// Without a newline at its end. Members without a value are left out.
std::string write(const audit_entry& from);
/// errc::corrupt, with the member to blame. Unknown members are passed over.
result<audit_entry> read_audit_entry(std::string_view line);

}  // namespace peerage::wire
