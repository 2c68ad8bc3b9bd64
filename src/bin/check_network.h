// What --check says of the host's network: see bin/host_network.h and bin/adopt.h.
#pragma once

#include <optional>
#include <string>

#include "bin/adopt.h"
#include "bin/beside.h"
#include "bin/check_report.h"
#include "config/config.h"

namespace peerage {

/// `config` has a gateway; `endpoint` is what its peers are told, and `adopted` what
/// look_for_adoption() has found.
void check_host_network(const daemon_config& config, const running_daemon& beside,
                        const std::string& endpoint, const std::optional<found_interface>& adopted,
                        check_report& into);

}  // namespace peerage
