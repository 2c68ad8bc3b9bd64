// GET /v1/events of an API process without TLS. For tests alone.
#pragma once

#include <string>

#include "tests/live/fleet.h"
#include "tests/live/raw.h"

namespace peerage::live {

/// A stream that was asked for; what came of it so far.
class event_stream {
 public:
  event_stream(const api_node& of, const std::string& token) : connection_(of.port()) {
    connection_.send("GET /v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " +
                     token + "\r\n\r\n");
    await("from now on");
  }
  /// False where nothing like that came, and then nothing more for 5 s.
  bool await(const std::string& words) {
    while (text_.find(words) == std::string::npos) {
      const std::string more = connection_.receive();
      if (more.empty()) return false;
      text_ += more;
    }
    return true;
  }
  /// An event of that kind, about that peer.
  bool await(const std::string& kind, const std::string& peer) {
    const auto told = [&] {
      for (std::size_t at = 0; (at = text_.find("event: " + kind, at)) != std::string::npos; ++at) {
        const auto end = text_.find("\n\n", at);
        const auto name = text_.find("\"peer\":\"" + peer + "\"", at);
        if (name != std::string::npos && name < end) return true;
      }
      return false;
    };
    while (!told()) {
      const std::string more = connection_.receive();
      if (more.empty()) return false;
      text_ += more;
    }
    return true;
  }
  const std::string& text() const { return text_; }

 private:
  raw_connection connection_;
  std::string text_;
};

}  // namespace peerage::live
