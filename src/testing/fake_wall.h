// A wall that only remembers what it was told.
#pragma once

#include "ports/wall.h"

namespace peerage::fakes {

class fake_wall final : public wall {
 public:
  result<> arrange(const wall_plan& wanted) override {
    if (refuse) return fail(errc::io, "the wall refuses");
    ++arranged;
    plan = wanted;
    fallen = false;
    return {};
  }
  result<bool> stands() override { return !fallen; }
  result<> remove() override {
    plan = {};
    fallen = true;
    return {};
  }

  wall_plan plan;
  std::size_t arranged = 0;
  bool refuse = false;
  bool fallen = true;  // not built, or somebody else tore it down
};

}  // namespace peerage::fakes
