#include "bin/user.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "bin/files.h"

namespace peerage {
namespace {

namespace fs = std::filesystem;

constexpr const char* default_user = "peerage";

/// The user's rights to files, until the end of the scope.
class rights_of {
 public:
  explicit rights_of(const system_user& user) : groups_(64) {
    const int count = ::getgroups(static_cast<int>(groups_.size()), groups_.data());
    groups_.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
    taken_ = count >= 0 && ::initgroups(user.name.c_str(), user.group) == 0 &&
             ::setegid(user.group) == 0 && ::seteuid(user.id) == 0;
  }
  ~rights_of() {
    const bool back =
        ::seteuid(0) == 0 && ::setegid(0) == 0 && ::setgroups(groups_.size(), groups_.data()) == 0;
    if (!back && taken_) std::abort();  // it would go on with somebody else's rights
  }
  rights_of(const rights_of&) = delete;
  rights_of& operator=(const rights_of&) = delete;
  bool taken() const { return taken_; }

 private:
  std::vector<gid_t> groups_;
  bool taken_ = false;
};

bool may(const std::string& path, int what) {
  return ::faccessat(AT_FDCWD, path.c_str(), what, AT_EACCESS) == 0;
}

bool is_absent(const std::string& path) {
  return !may(path, F_OK) && errno == ENOENT;
}

bool is_in(const std::string& path, const std::string& folder) {
  return path == folder || path.starts_with(folder + "/");
}

/// What is tried with the user's rights; the first thing that is denied is why. What is absent for
/// everybody is said by whoever opens it.
class trial {
 public:
  explicit trial(const daemon_config& config, std::string user)
      : own_(config.state_dir), user_(std::move(user)) {}

  void read(const std::string& path) {
    if (path.empty() || is_in(path, own_) || is_absent(path) || may(path, R_OK)) return;
    note("can't read " + path, "chgrp " + user_ + " " + path + " && chmod 640 " + path +
                                   ", and let it into the folders above");
  }
  void write(const std::string& path) {
    if (is_in(path, own_) || is_absent(path) || may(path, R_OK | W_OK)) return;
    note("can't write " + path, "chown " + user_ + " " + path);
  }
  void make_in(const std::string& folder) {
    if (is_in(folder, own_) || is_absent(folder) || may(folder, W_OK | X_OK)) return;
    note("can't make files in " + folder, "chown " + user_ + " " + folder);
  }
  void pass(const std::string& folder) {
    if (!may(folder, X_OK)) note("may not pass through " + folder, "chmod o+x " + folder);
  }
  const std::string& why() const { return why_; }

 private:
  void note(const std::string& what, const std::string& mend) {
    if (why_.empty()) why_ = "the user " + user_ + " " + what + "; to change that: " + mend;
  }

  const std::string& own_;
  std::string user_;
  std::string why_;
};

void try_credentials(trial& user, const daemon_config& config) {
  for (const std::string* each :
       {&config.store.token_file, &config.bus.credentials_file, &config.bus.nkey_file}) {
    user.read(*each);
  }
  for (const tls_files* each : {&config.store.tls, &config.bus.tls}) {
    for (const std::string* file : {&each->ca, &each->cert, &each->key}) user.read(*file);
  }
  if (config.api) {
    user.read(config.api->tls.cert);
    user.read(config.api->tls.key);
  }
  if (!config.gateway) return;
  const std::string& key = config.gateway->private_key_file;
  if (is_absent(key)) user.make_in(folder_of(key));
  user.read(key);
}

void try_audit(trial& user, const std::string& folder) {
  if (is_absent(folder)) return user.make_in(folder_of(folder));
  user.make_in(folder);
  std::error_code failure;
  for (const auto& each : fs::directory_iterator(folder, failure)) user.write(each.path());
}

void try_files(trial& user, const daemon_config& config) {
  std::string above = folder_of(config.state_dir);
  while (is_absent(above) && above != "/" && above != ".") above = folder_of(above);
  user.pass(above);
  try_credentials(user, config);
  if (config.store.kind == store_kind::sqlite) {
    user.make_in(folder_of(config.store.path));
    for (const char* each : {"", "-wal", "-shm", "-reserve"}) user.write(config.store.path + each);
  }
  if (!config.api) return;
  try_audit(user, config.api->audit_dir);
  constexpr std::string_view scheme = "unix:";
  if (config.api->listen.starts_with(scheme)) {
    user.make_in(folder_of(config.api->listen.substr(scheme.size())));
  }
}

}  // namespace

result<system_user> find_user(const daemon_config& config) {
  const std::string name = config.user.empty() ? default_user : config.user;
  const passwd* const found = ::getpwnam(name.c_str());
  if (found != nullptr) return system_user{name, found->pw_uid, found->pw_gid};
  return fail(errc::not_found,
              "there is no user " + name + " on this host: useradd --system --user-group " +
                  "--home-dir /nonexistent --shell /usr/sbin/nologin " + name,
              "user");
}

system_user owner_of(const std::string& folder) {
  struct stat found{};
  if (::stat(folder.c_str(), &found) != 0) return {};
  const passwd* const named = ::getpwuid(found.st_uid);
  return {named == nullptr ? "" : named->pw_name, found.st_uid, found.st_gid};
}

std::string why_not_as(const system_user& user, const daemon_config& config) {
  trial made(config, user.name);
  const rights_of his(user);
  if (!his.taken()) return "it has not the right to become another user (CAP_SETUID, CAP_SETGID)";
  try_files(made, config);
  return made.why();
}

}  // namespace peerage
