// An audit in memory, whose places are the numbers of the entries before them.
#pragma once

#include <charconv>
#include <vector>

#include "ports/audit.h"

namespace peerage::fakes {

class fake_audit final : public audit_trail {
 public:
  void note(audit_entry what) override { entries.push_back(std::move(what)); }
  task<result<audit_page>> read(std::string from, std::size_t limit) override {
    std::size_t end = entries.size();
    const char* last = from.data() + from.size();
    const bool number = std::from_chars(from.data(), last, end).ptr == last;
    if (!number || end > entries.size()) co_return fail(errc::invalid, "is no place", "cursor");
    audit_page made;
    while (end > 0 && made.items.size() < limit) made.items.push_back(entries[--end]);
    if (end > 0) made.next = std::to_string(end);
    co_return made;
  }
  std::uint64_t lost() const override { return 0; }

  std::vector<audit_entry> entries;
};

}  // namespace peerage::fakes
