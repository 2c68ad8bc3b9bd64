#include "metrics/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <map>
#include <unordered_map>
#include <utility>

namespace peerage {
namespace {

/// Seconds: from one device write to the longest wait that a caller may ask for.
const prometheus::Histogram::BucketBoundaries stage_buckets = {
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1, 5, 30};

}  // namespace

struct metrics::families {
  prometheus::Registry registry;
  prometheus::Family<prometheus::Counter>& requests =
      prometheus::BuildCounter()
          .Name("peerage_http_requests_total")
          .Help("Answered requests, by call and status")
          .Register(registry);
  prometheus::Family<prometheus::Counter>& enrolments =
      prometheus::BuildCounter()
          .Name("peerage_enrolments_total")
          .Help("Peers that were made or changed, by the state that was answered")
          .Register(registry);
  prometheus::Family<prometheus::Histogram>& stages =
      prometheus::BuildHistogram()
          .Name("peerage_enrolment_stage_seconds")
          .Help("What each stage of an enrolment took")
          .Register(registry);
  prometheus::Family<prometheus::Gauge>& live = prometheus::BuildGauge()
                                                    .Name("peerage_gateway_live")
                                                    .Help("1 while the gateway sends heartbeats")
                                                    .Register(registry);
  prometheus::Family<prometheus::Gauge>& peers = prometheus::BuildGauge()
                                                     .Name("peerage_gateway_peers")
                                                     .Help("Peers on the gateway's device")
                                                     .Register(registry);
  prometheus::Family<prometheus::Gauge>& left_out =
      prometheus::BuildGauge()
          .Name("peerage_gateway_left_out")
          .Help("Peers that the store has for the gateway and that it leaves out")
          .Register(registry);
  prometheus::Family<prometheus::Gauge>& revisions =
      prometheus::BuildGauge()
          .Name("peerage_gateway_revision")
          .Help("Revision of the store up to which the gateway's device has everything")
          .Register(registry);

  struct gauges {
    prometheus::Gauge* live = nullptr;
    prometheus::Gauge* peers = nullptr;
    prometheus::Gauge* left_out = nullptr;
  };
  std::map<std::string, gauges> known_gateways;

  // Finding one by its labels costs more than counting: so once for each, by its labels' values.
  std::unordered_map<std::string, prometheus::Counter*> known_requests;
  std::unordered_map<std::string, prometheus::Counter*> known_enrolments;
  std::unordered_map<std::string, prometheus::Histogram*> known_stages;
};

metrics::metrics() : families_(std::make_unique<families>()) {}
metrics::~metrics() = default;

void metrics::count_request(std::string_view method, std::string_view call, int status) {
  std::string values(method);
  values.append(" ").append(call).append(" ").append(std::to_string(status));
  prometheus::Counter*& known = families_->known_requests[std::move(values)];
  if (known == nullptr) {
    known = &families_->requests.Add({{"method", std::string(method)},
                                      {"call", std::string(call)},
                                      {"status", std::to_string(status)}});
  }
  known->Increment();
}

void metrics::count_enrolment(std::string_view state) {
  prometheus::Counter*& known = families_->known_enrolments[std::string(state)];
  if (known == nullptr) known = &families_->enrolments.Add({{"state", std::string(state)}});
  known->Increment();
}

void metrics::observe_stage(std::string_view stage, std::chrono::nanoseconds took) {
  prometheus::Histogram*& known = families_->known_stages[std::string(stage)];
  if (known == nullptr) {
    known = &families_->stages.Add({{"stage", std::string(stage)}}, stage_buckets);
  }
  known->Observe(std::chrono::duration<double>(took).count());
}

void metrics::set_gateways(const std::vector<gateway_count>& all) {
  std::map<std::string, families::gauges> next;
  for (const gateway_count& each : all) {
    const auto known = families_->known_gateways.find(each.name);
    families::gauges mine;
    if (known != families_->known_gateways.end()) {
      mine = known->second;
      families_->known_gateways.erase(known);
    } else {
      mine.live = &families_->live.Add({{"gateway", each.name}});
      mine.peers = &families_->peers.Add({{"gateway", each.name}});
      mine.left_out = &families_->left_out.Add({{"gateway", each.name}});
    }
    mine.live->Set(each.live ? 1 : 0);
    mine.peers->Set(each.peers);
    mine.left_out->Set(each.left_out);
    next.emplace(each.name, mine);
  }
  for (const auto& [name, gone] : families_->known_gateways) {
    families_->live.Remove(gone.live);
    families_->peers.Remove(gone.peers);
    families_->left_out.Remove(gone.left_out);
  }
  families_->known_gateways = std::move(next);
}

void metrics::set_gateway_revision(std::string_view gateway, std::uint64_t revision) {
  families_->revisions.Add({{"gateway", std::string(gateway)}}).Set(static_cast<double>(revision));
}

std::string metrics::text() const {
  return prometheus::TextSerializer().Serialize(families_->registry.Collect());
}

}  // namespace peerage
