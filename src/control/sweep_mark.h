// The mark of the sweep (sweep.cc): when the last one began, in RFC 3339. Whoever writes it has the
// turn; while there is none, one is due.
#pragma once

#include "model/record.h"

namespace peerage {

inline const mark_name sweep_mark{"sweep"};

}  // namespace peerage
