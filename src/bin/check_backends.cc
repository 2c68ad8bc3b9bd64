#include "bin/check_backends.h"

#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/counted.h"
#include "base/url.h"
#include "bin/files.h"
#include "crypto/random.h"
#include "crypto/x25519.h"
#include "http/client.h"
#include "model/reserved.h"
#include "sqlite/copy.h"

namespace peerage {
namespace {

constexpr seconds bus_limit{5};
constexpr milliseconds bus_look{20};

/// A read of something that the store may have, and that this role may read there.
task<result<>> look(store& desired, const daemon_config& config) {
  if (config.api) {
    mark_name any{"bootstrap"};
    const auto found = co_await get_as<mark>(desired, std::move(any));
    co_return found ? result<>{} : std::unexpected(found.error());
  }
  const auto found = co_await get_as<gateway>(desired, config.gateway->name);
  co_return found ? result<>{} : std::unexpected(found.error());
}

/// Another host may have the name, or this one lost its key.
task<> check_registration(store& desired, const daemon_config& config, check_report& into) {
  const auto found = co_await get_as<gateway>(desired, config.gateway->name);
  if (!found || !*found) co_return;  // check_store() reports it
  const gateway& other = (*found)->value;
  const auto key = read_key(config.gateway->private_key_file);
  if (key && public_of(*key) == other.public_key) co_return;
  const auto where = other.owner.find(", ");  // behind the id of a start
  const std::string by = where == std::string::npos ? "another" : other.owner.substr(where + 2);
  into.note("name", other.name.text() + " is registered with another key, by " + by +
                        ": a start is refused while that runs; once it has stopped, this gateway "
                        "takes the name and the peers, whose files name the other key");
}

/// Whether what is said to it can be read on the way.
bool goes_over_a_network_in_clear(const std::string& url) {
  const auto at = http::parse_base_url(url);
  if (!at || at->tls || !at->path.empty() || at->host == "localhost") return false;
  const auto address = ip_address::parse(at->host);
  return !address || !is_loopback(prefix::host(*address));
}

task<> check_store(store& desired, const daemon_config& config, check_report& into) {
  const auto store_is = co_await look(desired, config);
  into.say("store", store_is,
           config.store.kind == store_kind::sqlite ? config.store.path
                                                   : "Consul at " + config.store.address);
  if (config.store.kind == store_kind::consul &&
      goes_over_a_network_in_clear(config.store.address)) {
    into.note("store", "Consul is asked without TLS: whoever is on the way reads its token");
  }
}

/// Below the report's own line.
std::string in_lines(const std::vector<std::string>& examples) {
  std::string text;
  for (const std::string& each : examples) text += "\n         " + each;
  return text;
}

/// Every record of this host's database.
void check_database(const std::string& file, check_report& into) {
  const auto found = sqlite::examine(file);
  if (!found) {
    into.say("records", std::unexpected(found.error()), {});
    return;
  }
  result<> readable;
  if (found->unreadable > 0) {
    readable = fail(errc::corrupt, counted(found->unreadable, "record") +
                                       " can't be read, and passed over; remove them "
                                       "through the API, or restore a backup:" +
                                       in_lines(found->examples));
  }
  into.say("records", readable, counted(found->peers, "peer") + ", and every record is sound");
}

/// The records of a store whose keys can disagree with them. Reads all of it.
task<> check_records(store& desired, check_report& into) {
  if (!desired.sweepable()) co_return;  // a database is examined as a file
  const auto found = co_await desired.sweep(false);
  if (!found) {
    into.say("records", std::unexpected(found.error()), {});
    co_return;
  }
  result<> agree;
  if (found->wrong > 0) {
    agree = fail(errc::corrupt, counted(found->wrong, "wrong key") +
                                    " beside the peers' records; a running API process "
                                    "repairs what is certain within an hour:" +
                                    in_lines(found->examples));
  }
  into.say("records", agree, counted(found->records, "peer") + ", and every key agrees");
}

task<> check_bus(nats_bus& word, clock& time, const daemon_config& config, check_report& into) {
  const steady_time limit = time.steady() + bus_limit;
  while (!word.connected() && word.why_away().empty() && time.steady() < limit) {
    co_await time.wait_until(time.steady() + bus_look);
  }
  result<> bus_is;
  if (!word.connected()) {
    const std::string why = word.why_away();
    bus_is = fail(errc::unavailable, why.empty() ? "NATS did not answer within 5 s" : why);
  } else {
    std::optional<gateway_name> name;
    if (config.gateway) name = config.gateway->name;
    bus_is = co_await word.try_permissions(config.api.has_value(), std::move(name),
                                           time.steady() + bus_limit);
  }
  into.say("bus", bus_is,
           "NATS at " + without_user(config.bus.servers.front()) + " permits what is needed");
}

/// A start makes the state_dir, and no other folder.
result<> can_make_database(const daemon_config& config) {
  const std::string folder = folder_of(config.store.path);
  if (folder == config.state_dir) return can_make_in(folder);
  struct stat found{};
  if (::stat(folder.c_str(), &found) == 0 && S_ISDIR(found.st_mode)) return can_make_in(folder);
  return fail(errc::not_found, folder + ", the folder of store.path, is not there");
}

}  // namespace

task<std::optional<backends>> check_backends(asio::any_io_executor loop, clock& time,
                                             daemon_config config, check_report& into) {
  const bool far = config.store.kind != store_kind::sqlite;
  if (!far && ::access(config.store.path.c_str(), F_OK) != 0) {
    into.say("store", can_make_database(config),
             config.store.path + " will be made at the first start");
    co_return std::nullopt;
  }
  auto opened = open_backends(loop, time, config, random_id(), purpose::look);
  if (!opened) {
    into.say("store", std::unexpected(opened.error()), {});
    co_return std::nullopt;
  }
  co_await check_store(*opened->store, config, into);
  if (config.gateway && far) co_await check_registration(*opened->store, config, into);
  if (!far) check_database(config.store.path, into);
  if (config.api) co_await check_records(*opened->store, into);
  if (opened->nats != nullptr) {
    co_await check_bus(*opened->nats, time, config, into);
    co_await opened->nats->stop();
  }
  co_return *std::move(opened);
}

}  // namespace peerage
