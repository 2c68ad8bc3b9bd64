// GET /v1/events in a fleet: what one API process does is seen at every other.
#include <gtest/gtest.h>

#include "tests/live/fleet.h"
#include "tests/live/raw.h"

namespace peerage::live {
namespace {

const std::string peers = "/v1/networks/acme/peers";

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

TEST(fleet, events_come_from_every_api_process_to_every_other) {
  fleet all;
  all.start_usual();
  event_stream first(all.api(0), all.token()), second(all.api(1), all.token());
  caller api = all.call(0);
  const json::value wish = json::object{{"name", "a"}, {"public_key", new_public_key()}};
  ASSERT_EQ(api.call("POST", peers, wish).status, 201);
  EXPECT_TRUE(first.await("peer-live", "a")) << first.text();
  EXPECT_TRUE(second.await("peer-live", "a")) << second.text();
  ASSERT_EQ(all.call(1).call("DELETE", peers + "/a").status, 204);
  EXPECT_TRUE(first.await("peer-removed", "a")) << first.text();
  EXPECT_TRUE(second.await("peer-removed", "a")) << second.text();
}

TEST(fleet, an_expiry_is_told_of_whoever_noticed_it) {
  fleet all;
  all.start_usual();
  event_stream first(all.api(0), all.token()), second(all.api(1), all.token());
  const json::value wish =
      json::object{{"name", "b"}, {"public_key", new_public_key()}, {"ttl_s", 1}};
  ASSERT_EQ(all.call(0).call("POST", peers, wish).status, 201);
  EXPECT_TRUE(first.await("peer-expired", "b")) << first.text();
  EXPECT_TRUE(second.await("peer-expired", "b")) << second.text();
}

}  // namespace
}  // namespace peerage::live
