// Certificates for tests that speak TLS.
#pragma once

#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <string>

#include "testing/own_folder.h"

namespace peerage::testing_tools {

/// Authorities and certificates of a test's own, made by the command `openssl`.
struct certificates {
  certificates() {
    for (const std::string authority : {"ca", "other"}) {
      run("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=" +
          authority + " -keyout " + file(authority + ".key") + " -out " + file(authority + ".pem"));
    }
    issue("server", "IP:127.0.0.1");
    issue("stranger", "DNS:elsewhere.example");
    issue("client", "DNS:client.example");
    issue("expired", "IP:127.0.0.1", -1);
  }
  std::string file(const std::string& name) const { return folder.file(name); }
  /// Valid for so many days from now: an expired one for -1.
  void issue(const std::string& name, const std::string& named, int days = 2) const {
    std::ofstream(file(name + ".ext")) << "subjectAltName=" << named << "\n";
    run("req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=" + name +
        " -keyout " + file(name + ".key") + " -out " + file(name + ".csr"));
    run("x509 -req -days " + std::to_string(days) + " -CAcreateserial -CA " + file("ca.pem") +
        " -CAkey " + file("ca.key") + " -in " + file(name + ".csr") + " -extfile " +
        file(name + ".ext") + " -out " + file(name + ".pem"));
  }
  static void run(const std::string& arguments) {
    const std::string command = "openssl " + arguments + " >/dev/null 2>&1";
    if (std::system(command.c_str()) != 0) throw std::runtime_error("failed: " + command);
  }
  fakes::own_folder folder;
};

}  // namespace peerage::testing_tools
