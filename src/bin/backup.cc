#include "bin/backup.h"

#include <sys/stat.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <string_view>

#include "base/time.h"
#include "bin/files.h"
#include "bin/hand_over.h"
#include "sqlite/copy.h"

namespace peerage {
namespace {

result<> has_database(const daemon_config& config) {
  if (config.store.kind == store_kind::sqlite) return {};
  return fail(errc::invalid,
              "the store of this config is Consul at " + config.store.address +
                  ", and no database of this host: use `consul snapshot save FILE` and `consul "
                  "snapshot restore FILE`");
}

void print(const sqlite::contents& what) {
  std::printf(
      "  %llu peers, %llu networks, %llu gateways, %llu tokens, as of revision %llu\n",
      static_cast<unsigned long long>(what.peers), static_cast<unsigned long long>(what.networks),
      static_cast<unsigned long long>(what.gateways), static_cast<unsigned long long>(what.tokens),
      static_cast<unsigned long long>(what.at.number));
  if (what.unreadable == 0) return;
  std::printf("  %llu records can't be read, and are passed over by the daemon:\n",
              static_cast<unsigned long long>(what.unreadable));
  for (const std::string& each : what.examples) std::printf("    %s\n", each.c_str());
}

/// What can't be read is said by who reads all of it.
result<> looks_like_a_copy(const std::string& file) {
  constexpr std::string_view begins = "SQLite format 3";
  std::ifstream in(file, std::ios::binary);
  std::string read(begins.size(), '\0');
  if (!in) return {};
  in.read(read.data(), static_cast<std::streamsize>(read.size()));
  if (in.bad() || read == begins) return {};
  return fail(errc::invalid, file +
                                 " is no copy of a database; name a file that `peeraged "
                                 "--backup FILE` made");
}

/// "20261129-162233", in UTC.
std::string stamp() {
  std::string text = to_rfc3339(std::chrono::floor<milliseconds>(std::chrono::system_clock::now()));
  std::string made;
  for (const char c : text.substr(0, text.find('.'))) {
    if (c == 'T') made += '-';
    if (c >= '0' && c <= '9') made += c;
  }
  return made;
}

}  // namespace

result<> back_up(const daemon_config& config, const std::string& into) {
  if (auto has = has_database(config); !has) return has;
  const auto what = sqlite::back_up(config.store.path, into);
  if (!what) return std::unexpected(what.error());
  std::printf("backed up %s into %s\n", config.store.path.c_str(), into.c_str());
  print(*what);
  std::puts("  it holds preshared keys: keep it as secret as the database");
  return {};
}

result<> restore(const daemon_config& config, const std::string& from) {
  if (auto has = has_database(config); !has) return has;
  if (auto fits = looks_like_a_copy(from); !fits) return fits;
  // Root reads a backup that may be anywhere; what it makes in another's state_dir is that one's.
  const system_user owner = owner_of(config.state_dir);
  if (auto idle = claim_state_dir(config.state_dir, owner.id); !idle) return idle;
  struct stat found{};
  const bool replaced = ::lstat(config.store.path.c_str(), &found) == 0;
  int again = 1;
  std::string aside = config.store.path + ".before-" + stamp();
  // Two in one second.
  for (const std::string first = aside; ::lstat(aside.c_str(), &found) == 0;) {
    aside = first + "-" + std::to_string(++again);
  }
  const auto what = sqlite::restore(from, config.store.path, aside);
  if (!what) return std::unexpected(what.error());
  if (auto given = hand_over(config.state_dir, {}, owner); !given) return given;
  std::printf("restored %s from %s\n", config.store.path.c_str(), from.c_str());
  print(*what);
  if (replaced) std::printf("  the database that was there is %s\n", aside.c_str());
  std::puts(
      "  start the daemon now. Peers that its device has and this database lacks stay on the\n"
      "  device until `peerage gateways accept-removals NAME`; `peerage gateways` counts them.\n"
      "  Where the admin token is newer than the backup: `peeraged --new-admin-token`");
  return {};
}

}  // namespace peerage
