#include "natsbus/micro.h"

#include "json/json.h"

namespace peerage::nats {
namespace {

struct word {
  const char* verb;
  const char* type;
};

word word_of(micro_question asked) {
  switch (asked) {
    case micro_question::ping: return {"PING", "io.nats.micro.v1.ping_response"};
    case micro_question::info: return {"INFO", "io.nats.micro.v1.info_response"};
    case micro_question::stats: return {"STATS", "io.nats.micro.v1.stats_response"};
  }
  return {};
}

json::object endpoint_info(const endpoint& from) {
  json::object made;
  made["name"] = from.name;
  made["subject"] = from.subject;
  // One gateway, one listener: no queue group shares the requests out.
  made["queue_group"] = "";
  return made;
}

json::object endpoint_stats(const endpoint& from) {
  json::object made = endpoint_info(from);
  made["num_requests"] = from.requests;
  made["num_errors"] = from.errors;
  made["last_error"] = from.last_error;
  made["processing_time"] = from.processing.count();
  made["average_processing_time"] =
      from.requests == 0 ? 0 : from.processing.count() / static_cast<std::int64_t>(from.requests);
  return made;
}

}  // namespace

std::array<std::string, 3> subjects_of(micro_question asked, const std::string& id) {
  const std::string bare = std::string("$SRV.") + word_of(asked).verb;
  const std::string named = bare + "." + micro_name;
  return {bare, named, named + "." + id};
}

std::string answer_to(micro_question asked, const micro_service& from) {
  json::object metadata;
  metadata["gateway"] = from.gateway.text();
  metadata["region"] = from.region;
  json::object made;
  made["type"] = word_of(asked).type;
  made["name"] = micro_name;
  made["id"] = from.id;
  made["version"] = PEERAGE_VERSION;
  made["metadata"] = std::move(metadata);
  if (asked == micro_question::info) made["description"] = "A WireGuard gateway of Peerage";
  if (asked == micro_question::stats) made["started"] = to_rfc3339(from.started);
  if (asked != micro_question::ping) {
    json::array endpoints;
    for (const endpoint& each : from.endpoints) {
      endpoints.emplace_back(asked == micro_question::info ? endpoint_info(each)
                                                           : endpoint_stats(each));
    }
    made["endpoints"] = std::move(endpoints);
  }
  return json::serialize(made);
}

}  // namespace peerage::nats
