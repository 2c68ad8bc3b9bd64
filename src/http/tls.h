// TLS 1.2 and later for the server and the clients of this room: files that were read and found to
// be good, shared by the connections that use them. Anybody may make one; the loop's thread uses
// it. What stream.h is made of, without the library's headers.
#pragma once

#include <memory>
#include <string>

#include "base/error.h"

namespace peerage::http {

struct client_tls;
struct server_tls;

/// error::field where it is a server's certificate that is refused.
inline constexpr const char* certificate_field = "certificate";

struct tls_options {
  std::string ca_file;    // PEM; empty: the system's own authorities
  std::string cert_file;  // PEM, with the chain; empty: none
  std::string key_file;
};

/// To a server whose certificate names `host`, a name or an address, and is signed by an authority
/// of the file. errc::invalid with the file and its field.
result<std::shared_ptr<client_tls>> make_client_tls(const tls_options& from,
                                                    const std::string& host);

/// With this certificate and its key. errc::invalid with the file and its field.
result<std::shared_ptr<server_tls>> make_server_tls(const std::string& cert_file,
                                                    const std::string& key_file);

}  // namespace peerage::http
