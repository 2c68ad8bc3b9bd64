// What the tests of this folder share: where the repository is. main() sets it.
#pragma once

#include <filesystem>

namespace peerage {

extern std::filesystem::path root;

}  // namespace peerage
