// The file that a wg-quick text is written to: private (0600), whole or not there, and never over
// another one unasked. Blocking; the caller owns the private_file and it owns a temporary file
// beside the target until keep(). Failures: errc::invalid for a name that wg-quick would refuse,
// errc::conflict for a file that is there, errc::io otherwise, each with what to do.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/error.h"

namespace peerage::cli {

/// wg-quick makes the interface's name of the file's: 1 to 15 of a-z, A-Z, 0-9 and _=+.-, then
/// ".conf". The message suggests a name that fits. Looks at nothing but the text.
result<> check_wg_quick_name(std::string_view path);

class private_file {
 public:
  /// Makes a temporary file in the target's folder, with so much of the disk: what can't be written
  /// is known before a peer is enrolled for it.
  static result<private_file> prepare(std::string path, bool force, std::size_t room = 0);

  private_file(private_file&& from) noexcept;
  private_file& operator=(private_file&&) = delete;
  ~private_file();

  /// Writes the text, makes it durable and gives it its name. Once. When the last step fails, the
  /// text stays in the temporary file, and the message says where.
  result<> keep(std::string_view text);

  const std::string& path() const { return path_; }

 private:
  private_file(std::string path, std::string temporary, int file, bool force);
  result<> publish();

  std::string path_;
  std::string temporary_;  // empty: there is none to remove
  int file_;
  bool force_;
};

/// The whole file. errc::not_found, errc::denied, errc::io, and errc::full beyond `limit` bytes.
result<std::string> read_file(const std::string& path, std::size_t limit);

}  // namespace peerage::cli
