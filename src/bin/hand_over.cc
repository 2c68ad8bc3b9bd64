#include "bin/hand_over.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace peerage {
namespace {

constexpr const char* tun_device = "/dev/net/tun";
constexpr const char* sockets_folder = "/var/run/wireguard";

std::unexpected<error> refused(const std::string& what) {
  const errc code = errno == EACCES || errno == EPERM ? errc::denied : errc::io;
  return fail(code, what + ": " + std::strerror(errno));
}

/// A file or folder as it was when it was opened, whatever takes its name meanwhile.
class held {
 public:
  held(int folder, const char* name) : file_(::openat(folder, name, flags)) {
    if (file_ >= 0 && ::fstat(file_, &found_) != 0) close();
  }
  ~held() { close(); }
  held(const held&) = delete;
  held& operator=(const held&) = delete;

  bool is_open() const { return file_ >= 0; }
  const struct stat& found() const { return found_; }
  bool give(uid_t user, gid_t group) const {
    return ::fchownat(file_, "", user, group, AT_EMPTY_PATH) == 0;
  }
  /// The descriptor is one for its name alone, which fchmod() does not take.
  bool allow(mode_t mode) const {
    return ::chmod(("/proc/self/fd/" + std::to_string(file_)).c_str(), mode) == 0;
  }

 private:
  static constexpr int flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
  void close() {
    if (file_ >= 0) ::close(file_);
    file_ = -1;
  }

  int file_;
  struct stat found_{};
};

/// One way through the state_dir: to see whether all of it can be given, or to give it.
class giving {
 public:
  giving(const system_user& from, const system_user& to, bool really)
      : from_(from), to_(to), really_(really) {}

  result<> folder(const std::string& path) const {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (descriptor < 0) return refused(path);
    const std::unique_ptr<DIR, int (*)(DIR*)> all(::fdopendir(descriptor), ::closedir);
    while (const dirent* each = ::readdir(all.get())) {
      const std::string_view name = each->d_name;
      if (name == "." || name == "..") continue;
      if (auto given = one(descriptor, each->d_name, path + "/" + each->d_name); !given)
        return given;
    }
    // Last: until then nobody but root puts anything into it.
    return give(held(descriptor, "."), path);
  }

 private:
  result<> one(int in, const char* name, const std::string& path) const {
    const held each(in, name);
    if (!each.is_open()) return refused(path);
    if (S_ISREG(each.found().st_mode)) return give(each, path);
    const bool audit = S_ISDIR(each.found().st_mode) && std::string_view(name) == "audit";
    return audit ? folder(path) : result<>{};  // other folders are not the daemon's
  }

  /// What is a third user's stays so: who opens it says what is wrong with that.
  result<> give(const held& each, const std::string& path) const {
    const struct stat& now = each.found();
    if (now.st_uid == to_.id || (now.st_uid != 0 && now.st_uid != from_.id)) return {};
    if (S_ISREG(now.st_mode) && now.st_nlink != 1) {
      return fail(errc::denied, path +
                                    " has other names (hard links), and so may be another's "
                                    "file; put a copy in its place");
    }
    if (really_ && !each.give(to_.id, to_.group)) return refused(path);
    return {};
  }

  const system_user& from_;
  const system_user& to_;
  bool really_;
};

/// As udev's rule for it, where that lets everybody: CAP_NET_ADMIN decides what is done with it.
result<> open_tun(const system_user& user) {
  if (user.id == 0) return {};
  const held device(AT_FDCWD, tun_device);
  if (!device.is_open() || !S_ISCHR(device.found().st_mode)) return {};  // said by who needs it
  const mode_t mode = device.found().st_mode & 07777;
  constexpr mode_t others = S_IROTH | S_IWOTH, group = S_IRGRP | S_IWGRP;
  if ((mode & others) == others) return {};
  if (!device.give(0, user.group) || !device.allow(mode | group)) return refused(tun_device);
  return {};
}

std::string socket_of(const std::string& interface) {
  std::string path(sockets_folder);
  path.append("/").append(interface).append(".sock");
  return path;
}

result<> open_sockets(const std::string& interface, const system_user& from,
                      const system_user& to) {
  if (::mkdir(sockets_folder, 0755) != 0 && errno != EEXIST) return refused(sockets_folder);
  const std::unique_ptr<DIR, int (*)(DIR*)> all(::opendir(sockets_folder), ::closedir);
  if (!all) return refused(sockets_folder);
  const held folder(::dirfd(all.get()), ".");
  // One that a unit gave to its own user is that user's already.
  const bool his = folder.is_open() && folder.found().st_uid == to.id;
  // Sticky: he makes and removes his own.
  if (!his && (!folder.give(0, to.group) || !folder.allow(01775))) return refused(sockets_folder);
  const held socket(::dirfd(all.get()), (interface + ".sock").c_str());
  if (!socket.is_open() || !S_ISSOCK(socket.found().st_mode)) return {};
  const uid_t now = socket.found().st_uid;
  if (now == to.id || (now != 0 && now != from.id)) return {};
  return socket.give(to.id, to.group) ? result<>{} : refused(socket_of(interface));
}

}  // namespace

result<> hand_over(const std::string& state_dir, const system_user& from, const system_user& to) {
  if (auto fit = giving(from, to, false).folder(state_dir); !fit) return fit;
  return giving(from, to, true).folder(state_dir);
}

bool root_has_userspace(const std::string& interface) {
  const std::string path = socket_of(interface);
  const held file(AT_FDCWD, path.c_str());
  if (!file.is_open() || !S_ISSOCK(file.found().st_mode) || file.found().st_uid != 0) return false;
  sockaddr_un address{};
  if (path.size() >= sizeof address.sun_path) return false;
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, path.size());  // the rest is zero
  const int asking = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (asking < 0) return false;
  const bool answers =
      ::connect(asking, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(asking);
  return answers;
}

result<> open_tunnels(const std::string& interface, const system_user& from,
                      const system_user& to) {
  if (auto opened = open_tun(to); !opened) return opened;
  return open_sockets(interface, from, to);
}

}  // namespace peerage
