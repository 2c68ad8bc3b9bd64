// What can go wrong, as values. Every room returns these; exceptions are for bugs and start-up.
// A code tells the caller what to do next; the message tells a person what happened and where.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace peerage {

enum class errc {
  // Nothing happened; the same call may work later.
  unavailable,  // the other side is away, or has just said that it can't now
  full,         // a bound was reached: a gateway, a range, a queue
  throttled,    // the caller asks too often; in a second it may ask again
  // It may or may not have happened; look, or make the same call again.
  outcome_unknown,  // the answer was lost
  timeout,          // the deadline passed first
  // The world is not as the caller thought; read it again, then decide.
  conflict,   // somebody else has it; error::field says what
  not_found,  // there is no such thing; error::field says what
  // The same call will never work.
  invalid,      // a value breaks its rule; error::field says which
  denied,       // the caller may not
  unsupported,  // this build, host or version can't
  corrupt,      // bytes from outside that are not what they claim to be
  io,           // the operating system refused
};

/// "unavailable", "full", …: the code's own name, for logs.
std::string_view name_of(errc code);

struct error {
  errc code{};
  std::string message;  // one sentence, without a final stop; never holds a secret
  std::string field;    // the member, parameter or claim that is to blame; often empty
};

template <class T = void>
using result = std::expected<T, error>;

/// `return fail(errc::invalid, "…", "ttl_s");`
inline std::unexpected<error> fail(errc code, std::string message, std::string field = {}) {
  return std::unexpected(error{code, std::move(message), std::move(field)});
}

}  // namespace peerage
