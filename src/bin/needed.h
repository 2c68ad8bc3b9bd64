// The addresses that the daemon's host needs to reach, so that no network takes them: its store's,
// its bus's, and those of the resolvers in /etc/resolv.conf.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "config/config.h"
#include "netlink/link.h"

namespace peerage {

class needed_hosts {
 public:
  explicit needed_hosts(const daemon_config& config);

  /// At once: names as they were found at most a minute ago; one that was not found is left out.
  std::vector<netlink::needed_address> now();

 private:
  struct shared;  // with the thread that looks names up
  void look_up();

  std::vector<std::pair<std::string, std::string>> hosts_;  // and what each is
  std::shared_ptr<shared> found_;
};

}  // namespace peerage
