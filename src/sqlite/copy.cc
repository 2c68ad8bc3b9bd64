#include "sqlite/copy.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <utility>

#include "base/private_file.h"
#include "sqlite/database.h"
#include "sqlite/rows.h"
#include "sqlite/schema.h"

namespace peerage::sqlite {
namespace {

constexpr std::array<std::string_view, 4> beside_it = {"-wal", "-shm", "-journal", "-reserve"};
// The copy that is about to take the database's place: it is whole, and has its new epoch.
constexpr std::string_view ready_suffix = ".restored";
constexpr std::size_t most_examples = 20;

std::unexpected<error> refused(const std::string& file) {
  if (errno == ENOSPC || errno == EDQUOT) {
    return fail(errc::full, file + ": the disk is full", "disk");
  }
  const errc code = errno == EEXIST ? errc::conflict : errno == ENOENT ? errc::not_found : errc::io;
  return fail(code, file + ": " + std::strerror(errno));
}

std::string folder_of(const std::string& file) {
  const std::string folder = std::filesystem::path(file).parent_path();
  return folder.empty() ? "." : folder;
}

result<> sync_file(const std::string& name) {
  const int file = ::open(name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (file < 0) return refused(name);
  const bool good = ::fsync(file) == 0;
  const int why = errno;
  ::close(file);
  errno = why;
  return good ? result<>{} : refused(name);
}

/// Whether both are there and the same, by whatever path.
bool same_file(const std::string& one, const std::string& other) {
  struct stat a{}, b{};
  return ::stat(one.c_str(), &a) == 0 && ::stat(other.c_str(), &b) == 0 && a.st_dev == b.st_dev &&
         a.st_ino == b.st_ino;
}

/// Whether the name is that of the database or of a file that SQLite or the daemon has beside it.
bool belongs_to(const std::string& name, const std::string& database) {
  if (same_file(name, database)) return true;
  if (!same_file(folder_of(name), folder_of(database))) return false;
  const std::string mine = std::filesystem::path(name).filename();
  const std::string its = std::filesystem::path(database).filename();
  if (mine == its || mine == its + std::string(ready_suffix)) return true;
  for (const std::string_view each : beside_it)
    if (mine == its + std::string(each)) return true;
  return false;
}

result<> must_be_file(const std::string& name) {
  struct stat found{};
  if (::stat(name.c_str(), &found) != 0) return refused(name);
  if (S_ISREG(found.st_mode)) return {};
  return fail(errc::invalid, name + " is no file");
}

/// A new and empty file, removed again unless it is kept.
class new_file {
 public:
  static result<new_file> make(std::string name) {
    const int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    const int file = ::open(name.c_str(), flags, 0600);
    if (file < 0) return refused(name);
    ::close(file);
    return new_file(std::move(name));
  }
  new_file(new_file&& other) noexcept : name_(std::exchange(other.name_, {})) {}
  ~new_file() {
    if (name_.empty()) return;
    ::unlink(name_.c_str());
    for (const char* each : {"-wal", "-shm", "-journal"}) ::unlink((name_ + each).c_str());
  }
  const std::string& name() const { return name_; }
  void keep() { name_.clear(); }

 private:
  explicit new_file(std::string name) : name_(std::move(name)) {}
  std::string name_;
};

/// What is wrong with the pages or the indexes; empty: nothing.
std::string damage(database& db) {
  run check = db.prepare("PRAGMA integrity_check(1)");
  if (check.next() != run::step::row) return db.last_message();
  const std::string said = check.text(0);
  return said == "ok" ? "" : said;
}

struct kind {
  const char* name;
  int key_columns;
  std::string_view sql;
  result<stored<record>> (*read)(const run&);
  std::uint64_t contents::* count;
};

std::string select(std::string_view columns, std::string_view from) {
  return "SELECT " + std::string(columns) + " FROM " + std::string(from);
}

result<> count(database& db, const kind& of, contents& into) {
  const bool is_mark = of.count == nullptr;
  run rows = db.prepare(of.sql);
  for (;;) {
    const auto step = rows.next();
    if (step == run::step::done) return {};
    if (step != run::step::row) return std::unexpected(db.failure("can't be read"));
    if (!is_mark) into.*of.count += 1;
    auto item = of.read(rows);
    if (item && !is_mark && item->revision > into.at) {
      item = fail(errc::corrupt, "its revision is not there yet");
    }
    if (item && (!is_mark || is_readable_mark(rows))) continue;
    ++into.unreadable;
    if (into.examples.size() == most_examples) continue;
    const std::string why = item ? "its value can't be read" : item.error().message;
    into.examples.push_back(std::string(of.name) + " " + key_text(rows, of.key_columns) + ": " +
                            why);
  }
}

/// The tables are this program's, and of the newest version.
result<contents> read_all(database& db, const std::string& file) {
  static const std::string networks = select(network_columns, "networks"),
                           gateways = select(gateway_columns, "gateways"),
                           peers = select(peer_columns, "peers"),
                           tokens = select(token_columns, "tokens"),
                           marks = select(mark_columns, "marks");
  const std::array<kind, 5> kinds = {{{"network", 1, networks, read_network, &contents::networks},
                                      {"gateway", 1, gateways, read_gateway, &contents::gateways},
                                      {"peer", 2, peers, read_peer, &contents::peers},
                                      {"token", 1, tokens, read_token, &contents::tokens},
                                      {"mark", 1, marks, read_mark, nullptr}}};
  contents made;
  {
    run at = db.prepare("SELECT value FROM meta WHERE name = 'revision'");
    const bool good = at.next() == run::step::row && at.type_of(0) == run::type::integer;
    if (!good) return fail(errc::corrupt, file + " has lost its revision");
    made.at = {static_cast<std::uint64_t>(at.number(0))};
  }
  for (const kind& each : kinds) {
    if (auto counted = count(db, each, made); !counted) {
      return std::unexpected(std::move(counted.error()));
    }
  }
  return made;
}

/// Brings a copy to the newest version and looks at all of it.
result<contents> prepare_copy(const std::string& file, const std::string& named, bool new_epoch) {
  auto db = database::open(file);
  if (!db) return std::unexpected(std::move(db.error()));
  try {
    // Before any statement of ours, which a trigger could follow.
    if (const std::string why = damage(**db); !why.empty()) {
      return fail(errc::corrupt, named + " is damaged: " + why);
    }
    if (auto ours = check_owner(**db, named); !ours)
      return std::unexpected(std::move(ours.error()));
    auto shaped = prepare_schema(**db, named);
    if (!shaped) return std::unexpected(std::move(shaped.error()));
    if (new_epoch) {
      auto set =
          (*db)->execute("UPDATE meta SET value = lower(hex(randomblob(16))) WHERE name = 'epoch'");
      if (!set) return std::unexpected(std::move(set.error()));
    }
    return read_all(**db, named);
  } catch (const std::logic_error& missing) {
    return fail(errc::corrupt, named + " lacks a table or a column: " + missing.what());
  }
}

/// Copies into a file that is there and empty.
result<> copy(result<std::unique_ptr<database>> source, const std::string& into) {
  if (!source) return std::unexpected(std::move(source.error()));
  auto target = database::open_to_fill(into);
  if (!target) return std::unexpected(std::move(target.error()));
  return (*source)->copy_into(**target);
}

result<> put_in_place(const std::string& file) {
  const std::string ready = file + std::string(ready_suffix);
  // The log is of the database that was there: applied to this one it would destroy it.
  for (const char* each : {"-wal", "-shm", "-journal"}) {
    if (::unlink((file + each).c_str()) != 0 && errno != ENOENT) return refused(file + each);
  }
  if (::rename(ready.c_str(), file.c_str()) != 0) return refused(ready);
  return sync_folder_of(file);
}

/// The database under another name too, until the new one takes the first.
result<> keep_as(const std::string& file, const std::string& aside) {
  for (const char* each : {"", "-wal", "-shm", "-journal"}) {
    const bool done = ::link((file + each).c_str(), (aside + each).c_str()) == 0;
    if (!done && errno != ENOENT) return refused(aside + each);
  }
  return sync_folder_of(file);
}

/// For whoever owns the folder, where root restores for a daemon that is another user.
result<> give_to_owner(const std::string& file) {
  struct stat folder{};
  if (::stat(folder_of(file).c_str(), &folder) != 0) return refused(folder_of(file));
  if (::geteuid() != 0 || folder.st_uid == 0) return {};
  if (::lchown(file.c_str(), folder.st_uid, folder.st_gid) != 0) return refused(file);
  return {};
}

}  // namespace

result<contents> examine(const std::string& file) {
  if (auto there = must_be_file(file); !there) return std::unexpected(std::move(there.error()));
  auto db = database::open(file);
  if (!db) return std::unexpected(std::move(db.error()));
  try {
    if (const std::string why = damage(**db); !why.empty()) {
      return fail(errc::corrupt, file + " is damaged: " + why);
    }
    if (auto ours = check_owner(**db, file); !ours) return std::unexpected(std::move(ours.error()));
    // An older one is read once a start has brought it to this version.
    if (!is_newest(**db)) return contents{};
    return read_all(**db, file);
  } catch (const std::logic_error& missing) {
    return fail(errc::corrupt, file + " lacks a table or a column: " + missing.what());
  }
}

result<contents> back_up(const std::string& file, const std::string& into) {
  if (auto there = must_be_file(file); !there) return std::unexpected(std::move(there.error()));
  if (belongs_to(into, file)) {
    return fail(errc::conflict, into + " belongs to the database itself; name another file");
  }
  struct stat found{};
  if (::lstat(into.c_str(), &found) == 0) {
    return fail(errc::conflict, into + " is there already, and stays as it is; name a new file");
  }
  auto part = new_file::make(into + ".part");
  if (!part) {
    if (part.error().code == errc::conflict) {
      part.error().message = into +
                             ".part is there: another backup is under way, or one was cut "
                             "off; then remove it";
    }
    return std::unexpected(std::move(part.error()));
  }
  if (auto copied = copy(database::open(file), part->name()); !copied) {
    return std::unexpected(std::move(copied.error()));
  }
  auto what = prepare_copy(part->name(), file, false);
  if (!what) return what;
  if (auto safe = sync_file(part->name()); !safe) return std::unexpected(std::move(safe.error()));
  // Fails where somebody has made it meanwhile.
  if (::link(part->name().c_str(), into.c_str()) != 0)
    return std::unexpected(refused(into).error());
  ::unlink(part->name().c_str());
  if (auto safe = sync_folder_of(into); !safe) return std::unexpected(std::move(safe.error()));
  return what;
}

result<contents> restore(const std::string& from, const std::string& file,
                         const std::string& aside) {
  if (auto there = must_be_file(from); !there) return std::unexpected(std::move(there.error()));
  if (belongs_to(from, file)) {
    return fail(errc::conflict, from + " belongs to the database itself; name a backup of it");
  }
  struct stat found{};
  if (::lstat(aside.c_str(), &found) == 0) return fail(errc::conflict, aside + " is there already");
  const std::string ready = file + std::string(ready_suffix), part = ready + ".part";
  // Left by one that was cut off.
  if (::unlink(part.c_str()) != 0 && errno != ENOENT) return std::unexpected(refused(part).error());
  auto copy_of = new_file::make(part);
  if (!copy_of) return std::unexpected(std::move(copy_of.error()));
  if (auto copied = copy(database::open_to_read(from), part); !copied)
    return std::unexpected(std::move(copied.error()));
  auto what = prepare_copy(part, from, true);
  if (!what) return what;
  auto done = give_to_owner(part);
  if (done) done = sync_file(part);
  if (done) done = keep_as(file, aside);
  if (done && ::rename(part.c_str(), ready.c_str()) != 0) done = refused(ready);
  if (done) done = sync_folder_of(file);
  if (done) done = put_in_place(file);
  if (!done) return std::unexpected(std::move(done.error()));
  copy_of->keep();
  return what;
}

result<> finish_restoration(const std::string& file) {
  const std::string ready = file + std::string(ready_suffix);
  struct stat found{};
  if (::lstat(ready.c_str(), &found) != 0) return {};
  if (!S_ISREG(found.st_mode)) return fail(errc::denied, ready + " is no file; remove it");
  return put_in_place(file);
}

}  // namespace peerage::sqlite
