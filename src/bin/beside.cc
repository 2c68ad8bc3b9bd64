#include "bin/beside.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include "bin/files.h"

namespace peerage {
namespace {

std::string file_of(const std::string& state_dir) {
  return state_dir + "/running.toml";
}

/// Without taking it for longer than a moment; who starts just then tries again.
bool is_locked(const std::string& file) {
  const int lock = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (lock < 0) return false;
  const bool taken = ::flock(lock, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  ::close(lock);
  return taken;
}

/// 0, or the system's error number. A family that the host lacks is no error.
int try_bind(int domain, const sockaddr* address, socklen_t size) {
  const int tried = ::socket(domain, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (tried < 0) return errno == EAFNOSUPPORT ? 0 : errno;
  const int only = 1;
  if (domain == AF_INET6) ::setsockopt(tried, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only);
  int failed = ::bind(tried, address, size) == 0 ? 0 : errno;
  if (domain == AF_INET6 && failed == EADDRNOTAVAIL) failed = 0;  // IPv6 is switched off
  ::close(tried);
  return failed;
}

/// The sockets' inodes, 0 for one of the kernel's own.
std::vector<std::string> sockets_at(std::uint16_t port) {
  std::vector<std::string> found;
  for (const char* table : {"/proc/net/udp", "/proc/net/udp6"}) {
    std::ifstream in(table);
    std::string line;
    std::getline(in, line);
    while (std::getline(in, line)) {
      std::istringstream words(line);
      std::string number, local, skipped, inode;
      words >> number >> local;
      for (int i = 0; i < 7; ++i) words >> skipped;
      words >> inode;
      const auto colon = local.rfind(':');
      if (colon == std::string::npos) continue;
      std::uint16_t its = 0;
      const char* const end = local.data() + local.size();
      if (std::from_chars(local.data() + colon + 1, end, its, 16).ptr == end && its == port) {
        found.push_back(inode);
      }
    }
  }
  return found;
}

/// " by process 12 (NAME)"; empty where this user can't see whose it is.
std::string by_whom(std::uint16_t port) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  for (const std::string& inode : sockets_at(port)) {
    if (inode == "0") return " by a WireGuard interface (`wg show all listen-port`)";
    const std::string wanted = "socket:[" + inode + "]";
    for (const auto& process : fs::directory_iterator("/proc", ignored)) {
      const std::string pid = process.path().filename();
      if (pid.find_first_not_of("0123456789") != std::string::npos) continue;
      for (const auto& file : fs::directory_iterator(process.path() / "fd", ignored)) {
        if (fs::read_symlink(file.path(), ignored) != wanted) continue;
        std::string name;
        std::getline(std::ifstream(process.path() / "comm"), name);
        return " by process " + pid + " (" + name + ")";
      }
    }
  }
  return {};
}

}  // namespace

running_daemon look_beside(const std::string& state_dir, const std::string& host_name) {
  running_daemon found;
  found.running = is_locked(state_dir + "/lock");
  if (found.running) std::ifstream(state_dir + "/lock") >> found.pid;
  const auto text = read_private_file(file_of(state_dir));
  if (!text) return found;
  auto config = text->reveal().empty()
                    ? default_daemon_config(host_name)
                    : parse_daemon_config(text->reveal(), file_of(state_dir), host_name);
  if (config) found.config = *std::move(config);
  return found;
}

void leave_config(const daemon_config& config) {
  const std::string file = file_of(config.state_dir);
  if (!write_private_file(file, config.text)) ::unlink(file.c_str());
}

result<> try_udp_port(std::uint16_t port) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  int failed = try_bind(AF_INET, reinterpret_cast<const sockaddr*>(&v4), sizeof v4);
  if (failed == 0) failed = try_bind(AF_INET6, reinterpret_cast<const sockaddr*>(&v6), sizeof v6);
  if (failed == 0) return {};
  const errc code = failed == EADDRINUSE ? errc::conflict
                    : failed == EACCES   ? errc::denied
                                         : errc::io;
  const std::string named = "UDP port " + std::to_string(port) + " of gateway.listen_port";
  if (code == errc::conflict) {
    return fail(code, named + " is in use" + by_whom(port) +
                          "; stop that, or choose another gateway.listen_port");
  }
  return fail(code, named + ": " + std::strerror(failed));
}

}  // namespace peerage
