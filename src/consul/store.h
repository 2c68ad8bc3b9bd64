// The store of a fleet: Consul's KV over its HTTP API (1.8 or later), shared by every API process
// and every gateway; docs/protocol/consul.md lists its keys. Used on the loop's thread. Reads are
// consistent ones: the promise that a commit that returned is seen by every later read, in any
// process, would break with Consul's default while a leader that was cut off does not know it yet.
// A transaction has at most 64 of Consul's operations: about 9 peers in one commit; more is
// errc::full.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/secret.h"
#include "http/tls.h"
#include "ports/clock.h"
#include "ports/store.h"

namespace peerage {

/// What Consul is asked with. It may be changed while a store runs: a token counts from the next
/// call, TLS from the next connection.
struct consul_access {
  secret_text token;                      // an ACL token; empty: none
  std::shared_ptr<http::client_tls> tls;  // null for plain HTTP
};

struct consul_options {
  std::string address = "http://127.0.0.1:8500";
  std::string prefix = "peerage/v1/";  // of every key; ends with "/"
  std::string api_id;  // this process's own, a DNS label or a UUID: it names its rings
  std::string ca_file, cert_file, key_file;  // PEM, for https://; empty: not set
  secret_text token;                         // Consul's ACL token; empty: none
  // In place of the token and the files, where the owner changes them later.
  std::shared_ptr<const consul_access> access = {};
  // Told once for each key whose value is none of ours; lists pass over it. May be empty.
  std::function<void(const std::string& key, const std::string& why)> on_corrupt;
  // What this process wrote last, as it gave it to `keep_last_writes` before it was started anew:
  // so it sees a snapshot that was restored meanwhile. Anything else counts as nothing.
  std::string last_writes = {};
  // Called when it has changed, at most at each identity() and at the store's end. May be empty.
  std::function<void(const std::string& last_writes)> keep_last_writes = {};
};

/// What those options' token and files say. errc::invalid with the option's name or file.
result<consul_access> read_consul_access(const consul_options& options);

/// Consul need not be there yet. The store goes before `time` does; what is under way then ends
/// within 5 s on the loop. errc::invalid with the option's name or file.
result<std::unique_ptr<store>> open_consul_store(asio::any_io_executor loop, clock& time,
                                                 consul_options options);

}  // namespace peerage
