// Namespaces of this program's own: processes, network and mounts. So nothing in them meets the
// host or another copy, and nothing stays when it ends, however it ends. Needs root.
#pragma once

#include <functional>

namespace peerage::live {

/// What `work` returns; it runs as a child. Ends the program where there are none to be had.
int in_own_namespaces(const std::function<int()>& work);

}  // namespace peerage::live
