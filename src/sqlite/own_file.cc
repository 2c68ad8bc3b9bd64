#include "sqlite/own_file.h"

#include <filesystem>
#include <system_error>

namespace peerage::sqlite {

result<std::unique_ptr<database>> open_own_file(const std::string& file, const std::string& schema,
                                                std::int64_t version) {
  auto db = database::open(file);
  if (!db) return db;
  {
    run found = (*db)->prepare("PRAGMA user_version");
    if (found.next() != run::step::row) return std::unexpected((*db)->failure("can't be read"));
    if (found.number(0) > version) return fail(errc::unsupported, file + " is of a newer version");
  }
  if (auto made = (*db)->execute(schema); !made) return std::unexpected(std::move(made.error()));
  if (auto set = (*db)->execute("PRAGMA synchronous = NORMAL"); !set) {
    return std::unexpected(std::move(set.error()));
  }
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
