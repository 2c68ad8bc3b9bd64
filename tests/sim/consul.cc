#include "tests/sim/consul.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "http/target.h"
#include "json/json.h"

namespace peerage::sim {
namespace {

constexpr std::string_view kv_path = "/v1/kv/";
// Of the parts of a full listing one is left to a step now and then; of other reads more.
constexpr unsigned parts_at_once = 99;

/// The number behind `name` in a query; 0 where there is none.
std::uint64_t number_in(std::string_view query, std::string_view name) {
  const auto at = query.find(name);
  std::uint64_t made = 0;
  if (at != std::string_view::npos)
    std::from_chars(query.data() + at + name.size(), query.data() + query.size(), made);
  return made;
}

/// The key, without the prefix that all have.
std::string_view short_key(std::string_view key) {
  if (key.starts_with(keys_of_all.prefix)) key.remove_prefix(keys_of_all.prefix.size());
  return key;
}

/// What a transaction does, for the trace.
std::string operations_in(const std::string& body) {
  std::string text;
  const auto parsed = json::parse(body);
  for (const json::value& each : parsed->get_array()) {
    const json::object& kv = each.as_object().at("KV").as_object();
    text += ' ';
    text += kv.at("Verb").as_string();
    text += ' ';
    text += short_key(kv.at("Key").as_string());
    if (text.size() > 400) return text + " …";
  }
  return text;
}

/// "follow …" waits, "commit …" writes; everything else reads, "look at" assignments.
std::string text_of(const http::request& asked, bool writing, bool tracing) {
  if (asked.path.starts_with(kv_path)) {
    const auto since = number_in(asked.query, "index=");
    std::string text = since > 0 ? "follow " : "read ";
    text += short_key(std::string_view(asked.path).substr(kv_path.size()));
    return since > 0 ? text + " from " + std::to_string(since) : text;
  }
  std::string text = writing ? "commit" : "look";
  if (!writing && asked.body.contains(keys_of_all.prefix + "at/")) text += " at";
  return tracing ? text + operations_in(asked.body) : text;
}

class instant_requester final : public consul::requester {
 public:
  explicit instant_requester(consul_world& in) : in_(in) {}
  task<result<http::response>> ask(http::request wanted, bool, steady_duration) override {
    co_return in_.answer({}, wanted);
  }
  void close() override {}

 private:
  consul_world& in_;
};

class sim_requester final : public consul::requester {
 public:
  sim_requester(consul_world& in, asio::any_io_executor loop, std::string process)
      : in_(in), loop_(std::move(loop)), process_(std::move(process)) {}
  task<result<http::response>> ask(http::request wanted, bool writing,
                                   steady_duration limit) override {
    std::string text = text_of(wanted, writing, in_.tracing);
    const bool blocks = in_.kv.blocks(wanted);
    if (in_.answers_at_once(process_, text, blocks)) {
      co_return in_.answer(process_, wanted);
    }
    auto mine =
        std::make_shared<call_for<http::response>>(loop_, process_, port::store, std::move(text));
    mine->writing = writing;
    mine->until = in_.time.steady + limit;
    const auto wait = milliseconds{number_in(wanted.query, "wait=")};
    const auto asked = std::make_shared<const http::request>(std::move(wanted));
    if (blocks) {
      mine->ready = [&in = in_, asked, until = in_.time.steady + wait] {
        return in.time.steady >= until || !in.kv.blocks(*asked);
      };
    }
    mine->act = [&in = in_, who = process_, asked, weak = std::weak_ptr(mine)](dice&) {
      auto answer = in.answer(who, *asked);
      if (const auto waiting = weak.lock()) waiting->answer.emplace(std::move(answer));
      return true;
    };
    co_return co_await until_answered(in_.calls, std::move(mine));
  }
  void close() override {}

 private:
  consul_world& in_;
  asio::any_io_executor loop_;
  std::string process_;
};

}  // namespace

consul_world::consul_world(const true_time& truth, open_calls& all, dice& from)
    : time(truth), calls(all), chance(from) {
  kv.on_change = [this](const auto& before) {
    const auto peers = now.changed(before);
    if (on_change) on_change(who_, peers);
  };
}

consul::connector consul_world::connect_at_once() {
  return [this] { return std::make_shared<instant_requester>(*this); };
}

consul::connector consul_world::connect(asio::any_io_executor loop, std::string process) {
  return [this, loop = std::move(loop), process = std::move(process)] {
    return std::make_shared<sim_requester>(*this, loop, process);
  };
}

bool consul_world::answers_at_once(const std::string& process, const std::string& text,
                                   bool blocks) {
  if (blocks || cut_off(process)) return false;
  if (quiet) return true;
  if (text.starts_with("follow") || text.starts_with("commit")) return false;
  return chance.chance(text.starts_with("read at/") ? parts_at_once : haste);
}

http::response consul_world::answer(const std::string& process, const http::request& asked) {
  if (lies && lied(process, asked))
    return http::response{
        404, {{"X-Consul-Index", std::to_string(std::max<std::uint64_t>(kv.index(), 1))}}, {}};
  who_ = process;
  return kv.answer(asked);
}

/// Whether this part of a full listing is answered as if it were empty. What is new to the gateway
/// it is told: nobody could ever miss that.
bool consul_world::lied(const std::string& process, const http::request& asked) {
  const std::string gateway = process.substr(0, process.find('.'));
  const std::string folder = keys_of_all.prefix + "at/" + gateway + "/";
  if (!asked.path.starts_with(kv_path)) return false;
  const std::string key = asked.path.substr(kv_path.size());
  if (!key.starts_with(folder) || !asked.query.contains("recurse")) return false;
  if (key.ends_with("/00")) {
    lied_to_ = process;
    up_to_ = may_lie(gateway);
  }
  if (lied_to_ != process || up_to_ == 0) return false;
  if (key.ends_with("/ff")) lies = false;
  const auto& all = kv.entries();
  for (auto at = all.lower_bound(key); at != all.end() && at->first.starts_with(key); ++at)
    if (at->second.index > up_to_) return false;
  return true;
}

void consul_world::write_by_hand(const std::vector<consul::operation>& operations) {
  http::request asked;
  asked.method = "PUT";
  asked.path = "/v1/txn";
  asked.body = consul::write_txn(operations);
  (void)answer({}, asked);
}

void consul_world::restore(const fakes::consul_kv::snapshot& from) {
  for (const auto& each : calls.all) {
    if (each->ready && !each->done && !each->ready()) each->done = each->act(chance);
  }
  kv.restore(from);
  now.read_all();
}

}  // namespace peerage::sim
