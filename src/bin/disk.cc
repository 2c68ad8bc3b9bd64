#include "bin/disk.h"

#include <sys/statvfs.h>

#include <cstdint>
#include <filesystem>
#include <optional>

namespace peerage {
namespace {

constexpr std::uint64_t megabyte = 1'000'000;
// What the small files of a state_dir and a database's log need to be written at all.
constexpr std::uint64_t least = 8 * megabyte;
// An audit writes nothing while less is free: audit_options::leave_free.
constexpr std::uint64_t least_for_audit = 64 * megabyte;

/// Nothing where the folder, or what it will be made in, can't be looked at.
std::optional<std::uint64_t> free_at(std::filesystem::path folder) {
  std::error_code failure;
  while (!folder.empty() && folder != "/" && !std::filesystem::exists(folder, failure)) {
    folder = folder.parent_path();
  }
  struct statvfs disk{};
  if (::statvfs(folder.empty() ? "." : folder.c_str(), &disk) != 0) return {};
  return std::uint64_t{disk.f_bavail} * disk.f_frsize;
}

std::string in_megabytes(std::uint64_t bytes) {
  return std::to_string(bytes / megabyte) + " MB";
}

}  // namespace

std::vector<std::string> troubles_of_disks(const daemon_config& config, bool store_is_full) {
  std::vector<std::string> troubles;
  const auto own = free_at(config.state_dir);
  if (store_is_full) {
    troubles.emplace_back("disk: that of the store is full, and creations are refused");
  } else if (own && *own < least) {
    troubles.push_back("disk: that of the state_dir has " + in_megabytes(*own) + " free of the " +
                       in_megabytes(least) + " that its files need");
  }
  if (!config.api) return troubles;
  const auto audit = free_at(config.api->audit_dir);
  if (audit && *audit < least_for_audit) {
    troubles.push_back("disk: that of the audit has " + in_megabytes(*audit) +
                       " free, and nothing is written to it below " +
                       in_megabytes(least_for_audit));
  }
  return troubles;
}

}  // namespace peerage
