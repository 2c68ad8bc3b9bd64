#include "wire/messages.h"

#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "testing/samples.h"

namespace peerage::wire {
namespace {

using fakes::sample_key;

constexpr wall_time some_time{seconds{1'700'000'000}};

std::string key(std::uint32_t n) {
  return sample_key(n).text();
}

peer full_peer() {
  peer made = fakes::sample_peer("acme", "ci-1", 1);
  made.ipv4 = *ip_address::parse("10.9.0.2");
  made.preshared_key = secret_key(sample_key(9).bytes());
  made.expires_at = some_time;
  return made;
}

TEST(messages, an_apply_request_reads_as_it_was_written) {
  const apply_request asked{
      "r-1",
      epoch{"e"},
      revision{41},
      {put_peer_change{assignment_of(full_peer(), prefix::parse("10.9.0.0/16").value())},
       remove_peer_change{sample_key(2)}}};
  const auto read = read_apply_request(write(asked));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->request_id, "r-1");
  EXPECT_EQ(read->epoch.id, "e");
  EXPECT_EQ(read->revision, revision{41});
  ASSERT_EQ(read->changes.size(), 2U);
  EXPECT_EQ(std::get<put_peer_change>(read->changes[0]).peer,
            std::get<put_peer_change>(asked.changes[0]).peer);
  EXPECT_EQ(key_of(read->changes[1]), sample_key(2));
}

TEST(messages, an_apply_reply_reads_as_it_was_written) {
  apply_reply said;
  said.request_id = "r-1";
  said.results = {{sample_key(1), change_state::live, "", some_time},
                  {sample_key(2), change_state::removed, "", {}},
                  {sample_key(3), change_state::refused, "it is full", {}}};
  said.device_time = std::chrono::microseconds{54};
  const auto read = read_apply_reply(write(said));
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read->results.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(read->results[i].public_key, said.results[i].public_key);
    EXPECT_EQ(read->results[i].state, said.results[i].state);
    EXPECT_EQ(read->results[i].reason, said.results[i].reason);
    EXPECT_EQ(read->results[i].live_at, said.results[i].live_at);
  }
  EXPECT_EQ(read->device_time, said.device_time);
}

TEST(messages, what_the_device_took_may_be_missing_or_nonsense) {
  for (const char* took : {"-1", "1e12", "\"x\"", "null"}) {
    const auto read = read_apply_reply(R"({"request_id":"r","results":[],"device_ms":)" +
                                       std::string(took) + "}");
    ASSERT_TRUE(read) << took;
    EXPECT_EQ(read->device_time.count(), 0) << took;
  }
  EXPECT_TRUE(read_apply_reply(R"({"request_id":"r","results":[]})"));
  const auto whole = read_apply_reply(R"({"request_id":"r","results":[],"device_ms":2})");
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->device_time, milliseconds{2});
}

TEST(messages, a_status_reads_as_it_was_written) {
  for (const bool want_seen : {true, false}) {
    const auto asked = read_status_request(write(status_request{{sample_key(1)}, want_seen}));
    ASSERT_TRUE(asked);
    EXPECT_EQ(asked->public_keys, std::vector{sample_key(1)});
    EXPECT_EQ(asked->want_seen, want_seen);
  }
  status_reply said{
      2,
      "kernel",
      some_time,
      {{sample_key(1), true, some_time, {}, revision{41}}, {sample_key(2), false, {}, {}, {}}},
      epoch{"b1a6"}};
  said.reports[0].seen = peer_status{sample_key(1), "192.0.2.1:5", some_time, 3, 4};
  said.reports[1].seen = peer_status{sample_key(2), "", {}, 0, 0};
  const auto read = read_status_reply(write(said));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->peers, 2U);
  EXPECT_EQ(read->device, "kernel");
  EXPECT_EQ(read->remembers_since, some_time);
  ASSERT_EQ(read->reports.size(), 2U);
  EXPECT_TRUE(read->reports[0].live);
  EXPECT_EQ(read->reports[0].live_at, some_time);
  EXPECT_EQ(read->reports[0].seen->endpoint, "192.0.2.1:5");
  EXPECT_EQ(read->reports[0].seen->last_handshake_at, some_time);
  EXPECT_EQ(read->reports[0].seen->rx_bytes, 3U);
  EXPECT_FALSE(read->reports[1].seen->last_handshake_at);
  EXPECT_EQ(read->reports[0].revision, revision{41});
  EXPECT_FALSE(read->reports[1].revision);
  EXPECT_EQ(read->epoch, epoch{"b1a6"});
}

TEST(messages, a_heartbeat_reads_as_it_was_written) {
  const heartbeat beat{*gateway_name::parse("gw-1"), *region_name::parse("fra"), 7, revision{41},
                       "the disk is full"};
  const auto read = read_heartbeat(write(beat));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->name, beat.name);
  EXPECT_EQ(read->region, beat.region);
  EXPECT_EQ(read->peers, 7U);
  EXPECT_EQ(read->applied, revision{41});
  EXPECT_EQ(read->trouble, beat.trouble);
  EXPECT_EQ(write(heartbeat{beat.name, beat.region, 0, {}, ""}).find("trouble"), std::string::npos);
}

TEST(messages, what_a_gateway_saw_may_be_missing_or_nonsense) {
  const status_reply said{1, "kernel", some_time, {{sample_key(1), true, some_time, {}, {}}}, {}};
  EXPECT_FALSE(read_status_reply(write(said))->reports[0].seen);
  EXPECT_FALSE(read_status_reply(write(said))->reports[0].revision) << "of an older gateway";
  EXPECT_FALSE(read_status_reply(write(said))->epoch);
  const auto odd =
      read_status_reply(R"({"peers":1,"reports":[{"public_key":")" + key(1) + R"(","seen":7}]})");
  ASSERT_TRUE(odd);
  EXPECT_FALSE(odd->reports[0].seen);
}

// A gateway whose heartbeats nobody can read counts as dead.
TEST(messages, a_long_trouble_is_cut_between_two_characters) {
  heartbeat beat{*gateway_name::parse("gw-1"), *region_name::parse("fra"), 0, {}, "x"};
  for (int i = 0; i < 300; ++i) beat.trouble += "é";
  const auto read = read_heartbeat(write(beat));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->trouble.size(), 499U);
}

TEST(messages, events_read_as_they_were_written) {
  event one{event_kind::peer_expired, some_time, *gateway_name::parse("gw-1"),
            peer_id{*network_name::parse("acme"), *peer_name::parse("ci-1")}, revision{7}};
  const auto read = read_event(write(one));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->what, one.what);
  EXPECT_EQ(read->at, one.at);
  EXPECT_EQ(read->peer, one.peer);
  EXPECT_EQ(read->at_revision, one.at_revision);
  one = {event_kind::gateway_down, some_time, one.gateway, {}, {}};
  const auto down = read_event(write(one));
  ASSERT_TRUE(down);
  EXPECT_EQ(down->what, event_kind::gateway_down);
  EXPECT_FALSE(down->peer);
}

TEST(messages, letting_go_reads_as_it_was_written) {
  EXPECT_TRUE(read_accept_removals_request(write(accept_removals_request{})));
  EXPECT_EQ(read_accept_removals_reply(write(accept_removals_reply{150}))->released, 150U);
}

TEST(messages, a_refusal_is_an_answer_to_every_request) {
  const std::string said = write_refusal({errc::corrupt, "must be a list", "changes"});
  EXPECT_EQ(said, R"({"error":"changes: must be a list"})");
  EXPECT_EQ(write_refusal({errc::corrupt, "no", ""}), R"({"error":"no"})");
  const auto reply = read_apply_reply(said);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, errc::invalid);
  EXPECT_FALSE(read_status_reply(said));
  EXPECT_FALSE(read_accept_removals_reply(said));
  EXPECT_FALSE(read_apply_reply(R"({"error":1})")) << "this one lacks everything else";
}

struct faulty {
  std::function<result<>(std::string_view)> read;
  std::string text;
  std::string field;  // to blame
};

template <class T>
auto reader(result<T> (*read)(std::string_view)) {
  return [read](std::string_view text) -> result<> {
    if (auto done = read(text); !done) return std::unexpected(done.error());
    return {};
  };
}

void each_is_corrupt(const std::vector<faulty>& all) {
  for (const auto& [read, text, field] : all) {
    const auto done = read(text);
    ASSERT_FALSE(done) << text;
    EXPECT_EQ(done.error().code, errc::corrupt) << text;
    EXPECT_EQ(done.error().field, field) << text;
  }
}

TEST(messages, what_is_no_object_is_no_message) {
  for (const char* text : {"", "[]", "1", "{", "null"}) {
    each_is_corrupt({{reader(read_apply_request), text, ""},
                     {reader(read_apply_reply), text, ""},
                     {reader(read_status_request), text, ""},
                     {reader(read_status_reply), text, ""},
                     {reader(read_heartbeat), text, ""},
                     {reader(read_event), text, ""},
                     {reader(read_accept_removals_request), text, ""},
                     {reader(read_accept_removals_reply), text, ""}});
  }
}

TEST(messages, a_faulty_request_names_the_member) {
  const auto request = [](const std::string& changes) {
    return R"({"request_id":"r","epoch":"e","revision":1,"changes":)" + changes + "}";
  };
  const auto read = reader(read_apply_request);
  std::string many = "[";
  for (std::size_t i = 0; i <= most_changes; ++i) many += i == 0 ? "{}" : ",{}";
  each_is_corrupt({
      {read, R"({"epoch":"e","revision":1,"changes":[]})", "request_id"},
      {read,
       R"({"request_id":")" + std::string(129, 'x') + R"(","epoch":"e","revision":1,)" +
           R"("changes":[]})",
       "request_id"},
      {read, R"({"request_id":"r","epoch":"e","revision":-1,"changes":[]})", "revision"},
      {read, R"({"request_id":"r","epoch":"e","revision":1})", "changes"},
      {read, request("{}"), "changes"},
      {read, request("[1]"), "changes"},
      {read, request(many + "]"), "changes"},
      {read, request("[{}]"), "op"},
      {read, request(R"([{"op":"add"}])"), "op"},
      {read, request(R"([{"op":"remove"}])"), "public_key"},
      {read, request(R"([{"op":"put"}])"), "peer"},
      {read, request(R"([{"op":"put","peer":1}])"), "peer"},
      {read, request(R"([{"op":"put","peer":{}}])"), "network"},
  });
}

TEST(messages, a_faulty_answer_names_the_member) {
  const std::string at = R"({"public_key":")" + key(1) + "\"";
  const std::string status =
      R"({"peers":1,"device":"kernel","remembers_since":"2026-11-23T14:15:32.120Z","reports":[)" +
      at;
  each_is_corrupt({
      {reader(read_apply_reply), R"({"request_id":"r"})", "results"},
      {reader(read_apply_reply), R"({"results":[]})", "request_id"},
      {reader(read_apply_reply), R"({"request_id":"r","results":[)" + at + "}]}", "state"},
      {reader(read_apply_reply), R"({"request_id":"r","results":[)" + at + R"(,"state":"dead"}]})",
       "state"},
      {reader(read_status_request), R"({"public_keys":["x"]})", "public_keys"},
      {reader(read_status_reply), R"({"peers":-1,"reports":[]})", "peers"},
      {reader(read_status_reply), R"({"peers":1,"reports":[{}]})", "public_key"},
      {reader(read_status_reply), status + R"(,"live":1}]})", "live"},
      {reader(read_status_reply), status + R"(,"revision":-1}]})", "revision"},
      {reader(read_status_reply), R"({"peers":1,"epoch":1,"reports":[]})", "epoch"},
      {reader(read_status_reply), status + R"(,"seen":{"tx_bytes":1}}]})", "rx_bytes"},
      {reader(read_heartbeat), R"({"name":"gw-1","region":"fra","peers":1})", "applied"},
      {reader(read_event), R"({"event":"peer-born"})", "event"},
      {reader(read_event),
       R"({"event":"peer-live","at":"2026-11-23T14:15:32.120Z","gateway":"gw-1","peer":"a"})",
       "network"},
      {reader(read_accept_removals_reply), R"({"released":-1})", "released"},
  });
}

}  // namespace
}  // namespace peerage::wire
