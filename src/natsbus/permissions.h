// What a server does not permit this process: which subjects it needs, how the server refuses one,
// and how that reaches the loop. A server refuses with a line of its own, and the connection goes
// on: whoever does not listen to those lines believes that all is well. Inside this room.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/name.h"

namespace peerage::nats {

struct refusal {
  bool publish = false;  // else to subscribe
  std::string subject;
  bool operator==(const refusal&) const = default;
};

/// Of a server's 'Permissions Violation for Publish to "SUBJECT"'; nothing for any other words.
std::optional<refusal> read_violation(std::string_view said);

/// For an operator; empty where nothing is refused.
std::string text_of(const std::vector<refusal>& all);

struct needed_subjects {
  std::vector<std::string> hear, say;
};

/// What an API process, or a gateway, needs beside its inbox. Nobody minds an empty message on what
/// is said: no gateway has the name that an API's end in, and everybody passes over an empty
/// heartbeat and an empty event.
needed_subjects needed_by_api();
needed_subjects needed_by(const gateway_name& gateway);

/// Whether the bus does without it: the questions of ADR-32 are for an operator's tools.
bool is_optional(const refusal& what);

/// The way from cnats' thread to a loop. A number stands for the listener, so that cnats may call
/// when the listener is gone.
class refusal_post {
 public:
  using handler = std::function<void(std::string)>;  // the server's words
  /// `hear` is called from `loop`; it has to see by itself whether its owner still is.
  refusal_post(boost::asio::any_io_executor loop, handler hear);
  ~refusal_post() { end(); }
  refusal_post(const refusal_post&) = delete;
  refusal_post& operator=(const refusal_post&) = delete;
  /// Nothing is posted afterwards.
  void end();
  /// For cnats' user data.
  void* number() const { return reinterpret_cast<void*>(number_); }
  /// From any thread.
  static void tell(void* number, std::string said);

 private:
  std::uintptr_t number_;
};

}  // namespace peerage::nats
