#include "sqlite/own_file.h"

#include <filesystem>
#include <system_error>

namespace peerage::sqlite {
namespace {

/// What the file has: tables, and whatever else somebody may have put into it.
std::vector<std::string> schema_of(database& db) {
  std::vector<std::string> found;
  run rows = db.prepare("SELECT sql FROM sqlite_schema ORDER BY name");
  while (rows.next() == run::step::row) found.push_back(rows.text(0));
  return found;
}

/// Damage that reading would not come upon would refuse every save, or make a file without an end.
result<> check_pages(database& db, const std::string& file) {
  run check = db.prepare("PRAGMA quick_check(1)");
  if (check.next() == run::step::row && check.text(0) == "ok") return {};
  return fail(errc::corrupt, file + " is damaged");
}

/// Leaves exactly our tables. Statements on any others could not even be prepared.
result<> make_tables(database& db, const std::string& file, const std::vector<std::string>& tables,
                     std::int64_t version) {
  if (schema_of(db).empty()) {
    for (const std::string& table : tables) {
      if (auto made = db.execute(table); !made) return made;
    }
    if (auto set = db.execute("PRAGMA user_version = " + std::to_string(version)); !set) return set;
  }
  if (schema_of(db) == tables) return {};
  return fail(errc::corrupt, file + " has other tables than it should");
}

}  // namespace

result<std::unique_ptr<database>> open_own_file(const std::string& file,
                                                const std::vector<std::string>& tables,
                                                std::int64_t version, const std::string& upgrade) {
  auto db = database::open(file);
  if (!db) return db;
  std::int64_t has = 0;
  {
    run found = (*db)->prepare("PRAGMA user_version");
    if (found.next() != run::step::row) return std::unexpected((*db)->failure("can't be read"));
    has = found.number(0);
    if (has > version) return fail(errc::unsupported, file + " is of a newer version");
  }
  auto sound = check_pages(**db, file);
  if (sound && !upgrade.empty() && has == version - 1) {
    sound = (*db)->execute("BEGIN; " + upgrade +
                           "; PRAGMA user_version = " + std::to_string(version) + "; COMMIT");
  }
  if (sound) sound = make_tables(**db, file, tables, version);
  if (sound) sound = (*db)->execute("PRAGMA synchronous = NORMAL");
  if (!sound) return std::unexpected(std::move(sound.error()));
  return db;
}

bool put_aside(const std::string& file) {
  if (!std::filesystem::exists(file)) return false;
  std::error_code failure;
  std::filesystem::rename(file, file + ".unusable", failure);
  if (failure) return false;
  for (const char* beside : {"-wal", "-shm"}) std::filesystem::remove(file + beside, failure);
  return true;
}

}  // namespace peerage::sqlite
