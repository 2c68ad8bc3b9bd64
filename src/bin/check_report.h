// What `peeraged --check` prints: a line for each thing that was tried.
#pragma once

#include <cstdio>
#include <string>

#include "base/error.h"

namespace peerage {

class check_report {
 public:
  /// `detail` is what is right about it; of a failure its error is printed.
  void say(const std::string& what, const result<>& how, const std::string& detail) {
    good_ = good_ && how.has_value();
    print(how ? "ok" : "FAILED", what, how ? detail : how.error().message);
  }
  /// Worth knowing, and no fault.
  void note(const std::string& what, const std::string& detail) { print("note", what, detail); }

  /// Nothing has failed.
  bool good() const { return good_; }

 private:
  static void print(const char* how, const std::string& what, const std::string& text) {
    std::printf("%-8s %-10s %s\n", how, what.c_str(), text.c_str());
  }
  bool good_ = true;
};

}  // namespace peerage
