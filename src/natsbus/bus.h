// A bus on NATS: API processes and gateways that share nothing but a NATS server. Made and owned by
// main, used on the loop's thread alone. It connects in the background, for ever, so a process
// starts with NATS away: connected() is false until then and a request is errc::unavailable at
// once. Nothing is kept for later: what can't be sent now is not sent. The bus is not trusted: what
// changes anything, and what says that something is so, is sealed with a key that the two sides
// agree on, and what is not is refused. The subjects, payloads and seals are in
// docs/protocol/nats.md.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/secret.h"
#include "model/key.h"
#include "ports/bus.h"
#include "ports/clock.h"
#include "ports/roster.h"

namespace peerage {

struct nats_options {
  std::vector<std::string> servers;  // "nats://HOST:PORT" or "tls://HOST:PORT"; tried in any order
  std::string name;                  // what the server's operator sees of this process
  std::string region;                // of the gateways served here, for the service's metadata
  std::string credentials_file;      // a user's JWT and seed, as `nsc` writes it
  std::string nkey_file;  // a line with the seed (SU…) and a line with its public key (U…)
  std::string ca_file;    // PEM; any of the three files makes the connection TLS
  std::string cert_file;
  std::string key_file;
  // What every inbox of this process begins with, so that the server's permissions can name it.
  std::string inbox = "_INBOX";
};

/// Who this process is on the bus: see ports/roster.h.
struct nats_identity {
  secret_key key;   // X25519, for the bus alone
  std::string api;  // its id as an API process; empty where it is none
};

namespace nats {
inline constexpr std::size_t most_payload = 1'000'000;  // bytes of one message, both ways
inline constexpr std::size_t most_requests = 10'000;    // in flight from this process
inline constexpr std::size_t most_served = 1'000;       // in flight to one gateway served here
inline constexpr std::size_t most_unsent = 16'000'000;  // bytes that wait for the socket
inline constexpr std::size_t most_refusals = 32;        // subjects that are told apart
inline constexpr std::size_t most_strangers = 64;       // requests that wait for the roster's word
}  // namespace nats

struct nats_bus : bus {
  /// Why there is no connection, as the last attempt ended; empty while there is one, and before
  /// the first attempt has ended.
  virtual std::string why_away() const = 0;
  /// What the server does not permit this process on the connection that there is, in words; empty:
  /// nothing that is known. It is tried again every few seconds, until the server permits it.
  virtual std::string refused() const = 0;
  /// The same of what an API process needs, and a gateway of that name, tried now over a connection
  /// of its own; for --check. errc::denied names the subjects.
  virtual task<result<>> try_permissions(bool api, std::optional<gateway_name> gateway,
                                         steady_time deadline) = 0;
  /// Ends the requests being served, waits for them, and closes the connection. Afterwards every
  /// call is errc::unavailable. What is served outlives it; called once, before the end.
  virtual task<> stop() = 0;
};

/// `time` and `who` outlive the bus, which enters itself into the roster and follows it. Never
/// fails: files that can't be read are logged as the reason why there is no connection, once, and
/// tried again.
std::unique_ptr<nats_bus> make_nats_bus(asio::any_io_executor loop, clock& time, roster& who,
                                        nats_identity self, nats_options options);

}  // namespace peerage
