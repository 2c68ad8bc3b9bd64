// The network of a chaotic fleet: each party in a network namespace of its own on one bridge, and
// what can happen to the lines between them. Direction counts: a line from A to B is what A sends
// and B hears. Needs root, and namespaces of the program's own.
#pragma once

#include <mutex>
#include <set>
#include <string>

namespace peerage::chaos {

/// How a line is bad: nothing arrives; a third of the packets do not; 20 kB/s at most.
enum class line { cut, lossy, slow };

class network {
 public:
  network();
  /// A namespace of that name, with the address 10.77.0.NUMBER.
  void add(const std::string& name, unsigned number);
  static std::string address_of(unsigned number);

  void disturb(const std::string& from_address, const std::string& to_name, line how);
  void heal(const std::string& from_address, const std::string& to_name, line how);

 private:
  void change(const char* verb, const std::string& from, const std::string& to, line how);
  std::mutex mutex_;
};

}  // namespace peerage::chaos
