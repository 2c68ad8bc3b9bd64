// A mirror in memory, which outlives the agent that writes it, and fails when it is told to.
#pragma once

#include <map>

#include "ports/mirror.h"

namespace peerage::fakes {

class fake_mirror final : public mirror {
 public:
  result<std::optional<mirrored>> load() override {
    if (broken) return fail(errc::corrupt, "the mirror is broken");
    if (!head_) return std::optional<mirrored>{};
    mirrored made{*head_, {}};
    for (const auto& [key, each] : peers_) made.peers.push_back(each);
    return made;
  }

  result<> save(const mirror_head& head, const std::vector<stored_assignment>& set,
                const std::vector<public_key>& erase) override {
    if (broken) return fail(errc::io, "the mirror is broken");
    head_ = head;
    for (const auto& each : set) peers_.insert_or_assign(each.peer.public_key, each);
    for (const auto& each : erase) peers_.erase(each);
    return {};
  }

  bool broken = false;

 private:
  std::optional<mirror_head> head_;
  std::map<public_key, stored_assignment> peers_;
};

}  // namespace peerage::fakes
