#include "audit/day_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

namespace peerage::audit {
namespace {

constexpr std::size_t piece = 64 * 1024;
constexpr std::string_view ending = ".jsonl";
constexpr std::size_t day_size = 10;

std::unexpected<error> failed(const std::string& what, int number) {
  return fail(errc::io, "the audit's " + what + ": " + std::generic_category().message(number));
}

bool is_day(std::string_view text) {
  if (text.size() != day_size) return false;
  for (std::size_t i = 0; i < day_size; ++i) {
    const bool dash = i == 4 || i == 7;
    if (dash ? text[i] != '-' : text[i] < '0' || text[i] > '9') return false;
  }
  return true;
}

/// "2026-11-28:4711": in that day, before that byte.
struct place {
  std::string day;
  std::uint64_t offset = 0;
};

result<place> parse_place(std::string_view text) {
  const auto refused = fail(errc::invalid, "is not one that a page gave", "cursor");
  if (text.size() < day_size + 2 || text[day_size] != ':' || !is_day(text.substr(0, day_size))) {
    return refused;
  }
  place made{std::string(text.substr(0, day_size)), 0};
  const char* last = text.data() + text.size();
  const auto [end, problem] = std::from_chars(text.data() + day_size + 1, last, made.offset);
  if (problem != std::errc{} || end != last) return refused;
  return made;
}

/// A file that is closed again.
class opened {
 public:
  explicit opened(const std::string& path)
      : file_(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC)) {}
  ~opened() {
    if (file_ >= 0) ::close(file_);
  }
  opened(const opened&) = delete;
  opened& operator=(const opened&) = delete;
  int file() const { return file_; }

 private:
  int file_;
};

/// Adds the file's last lines before `end`; afterwards `end` is where the last of them begins.
result<> read_back(int file, std::uint64_t& end, std::size_t limit, found_lines& into) {
  std::string rest;           // what was read, up to `end`, and given to nobody yet
  std::uint64_t begin = end;  // where that begins in the file
  while (into.lines.size() < limit && end > 0) {
    // The line ends at `end`, with its newline; it begins behind the newline before that.
    const auto newline = rest.size() < 2 ? std::string::npos : rest.rfind('\n', rest.size() - 2);
    if (newline == std::string::npos && begin > 0) {
      const std::size_t size = std::min<std::uint64_t>(piece, begin);
      std::string more(size, '\0');
      const auto got = ::pread(file, more.data(), size, static_cast<off_t>(begin - size));
      if (got != static_cast<ssize_t>(size)) return failed("file can't be read", errno);
      begin -= size;
      rest = std::move(more) + rest;
      continue;
    }
    std::string line = rest.substr(newline == std::string::npos ? 0 : newline + 1);
    end -= line.size();
    rest.resize(rest.size() - line.size());
    if (line.ends_with('\n')) line.pop_back();
    if (!line.empty()) into.lines.push_back(std::move(line));
  }
  return {};
}

}  // namespace

std::string day_of(wall_time time) {
  return to_rfc3339(time).substr(0, day_size);
}

std::string days_before(const std::string& day, std::chrono::days many) {
  const auto time = from_rfc3339(day + "T00:00:00.000Z");
  return time ? day_of(*time - many) : day;
}

day_files::~day_files() {
  if (file_ >= 0) ::close(file_);
}

result<> day_files::open(const std::string& day) {
  if (file_ >= 0) ::close(std::exchange(file_, -1));
  if (::mkdir(folder_.c_str(), 0700) != 0 && errno != EEXIST) {
    return failed("folder " + folder_ + " can't be made", errno);
  }
  const std::string path = path_of(day);
  file_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (file_ < 0) return failed("file " + path + " can't be opened", errno);
  day_ = day;
  const auto size = ::lseek(file_, 0, SEEK_END);
  char last = '\n';
  if (size > 0 && ::pread(file_, &last, 1, size - 1) != 1)
    return failed("file can't be read", errno);
  if (last != '\n' && ::write(file_, "\n", 1) != 1) return failed("file can't be written", errno);
  return {};
}

result<> day_files::append(const std::string& day, std::string_view lines) {
  if (file_ < 0 || day != day_) {
    if (auto ready = open(day); !ready) return ready;
  }
  while (!lines.empty()) {
    const auto size = ::write(file_, lines.data(), lines.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) {
      const int why = errno;
      // Opened anew, a line that is half there is ended first.
      ::close(std::exchange(file_, -1));
      return failed("file can't be written", why);
    }
    lines.remove_prefix(static_cast<std::size_t>(size));
  }
  return {};
}

std::vector<std::string> day_files::days() const {
  std::vector<std::string> all;
  std::error_code problem;
  for (auto at = std::filesystem::directory_iterator(folder_, problem);
       !problem && at != std::filesystem::directory_iterator(); at.increment(problem)) {
    std::string name = at->path().filename();
    if (!name.ends_with(ending)) continue;
    name.resize(name.size() - ending.size());
    if (is_day(name)) all.push_back(std::move(name));
  }
  std::sort(all.begin(), all.end());
  return all;
}

result<found_lines> day_files::before(const std::string& from, std::size_t limit) const {
  std::optional<place> at;
  if (!from.empty()) {
    auto parsed = parse_place(from);
    if (!parsed) return std::unexpected(std::move(parsed.error()));
    at = *std::move(parsed);
  }
  found_lines made;
  auto all = days();
  while (!all.empty() && at && all.back() > at->day) all.pop_back();
  for (; !all.empty(); all.pop_back()) {
    const opened day(path_of(all.back()));
    if (day.file() < 0) continue;  // forgotten meanwhile
    const auto size = ::lseek(day.file(), 0, SEEK_END);
    if (size < 0) return failed("file can't be read", errno);
    auto end = static_cast<std::uint64_t>(size);
    if (at && at->day == all.back()) end = std::min(end, at->offset);
    if (auto read = read_back(day.file(), end, limit, made); !read) {
      return std::unexpected(std::move(read.error()));
    }
    if (made.lines.size() < limit) continue;
    if (end > 0 || all.size() > 1) made.next = all.back() + ":" + std::to_string(end);
    break;
  }
  return made;
}

result<std::uint64_t> day_files::shrink_to(std::uint64_t bytes, const std::string& kept) const {
  std::vector<std::pair<std::string, std::uint64_t>> sizes;
  std::uint64_t whole = 0;
  for (std::string& each : days()) {
    std::error_code problem;
    const std::uint64_t size = std::filesystem::file_size(path_of(each), problem);
    if (problem) continue;
    whole += size;
    sizes.emplace_back(std::move(each), size);
  }
  for (const auto& [day, size] : sizes) {
    if (whole <= bytes || day == kept) break;
    if (::unlink(path_of(day).c_str()) != 0 && errno != ENOENT) {
      return failed("file of " + day + " can't be removed", errno);
    }
    whole -= size;
  }
  return whole;
}

std::optional<std::uint64_t> day_files::room() const {
  struct statvfs disk{};
  if (::statvfs(folder_.c_str(), &disk) != 0) return {};
  return static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize;
}

result<> day_files::forget_before(const std::string& day) const {
  for (const std::string& each : days()) {
    if (each >= day) break;
    if (::unlink(path_of(each).c_str()) != 0 && errno != ENOENT) {
      return failed("file of " + each + " can't be removed", errno);
    }
  }
  return {};
}

}  // namespace peerage::audit
