#include "bin/adopt.h"

#include <algorithm>
#include <sstream>
#include <utility>

#include "base/base64.h"
#include "bin/files.h"
#include "bin/tunnel.h"
#include "log/log.h"
#include "netlink/device.h"
#include "uapi/device.h"

namespace peerage {
namespace {

constexpr std::size_t most_listed = 20;

std::string file_of(const std::string& state_dir) {
  return state_dir + "/adopted";
}

struct taker final : dump_taker {
  explicit taker(found_interface& found) : into(found) {}
  void begin() override { into.peers.clear(); }
  void self(const std::optional<secret_key>& key, std::uint16_t port) override {
    into.key = key;
    into.listen_port = port;
  }
  void take(const device_entry& entry) override {
    into.peers.push_back(entry.peer.public_key.text());
  }
  found_interface& into;
};

task<result<>> read_device(asio::any_io_executor loop, const std::string& interface, bool kernel,
                           found_interface& into) {
  taker found(into);
  result<> done;
  if (kernel) {
    const auto device = netlink::make_kernel_device(loop, interface);
    done = co_await device->dump(found);
  } else {
    userspace_options options;
    options.interface = interface;
    const auto device = make_userspace_device(loop, std::move(options));
    // It is there already, so nothing is started.
    done = co_await device->ensure_running();
    if (done) done = co_await device->dump(found);
  }
  std::ranges::sort(into.peers);
  co_return done;
}

template <class List, class Text>
std::string listed(const List& all, const Text& text) {
  std::string made;
  std::size_t count = 0;
  for (const auto& each : all) {
    if (++count > most_listed)
      return made + " and " + std::to_string(all.size() - most_listed) + " more";
    made += (made.empty() ? "" : ", ") + text(each);
  }
  return made.empty() ? "none" : made;
}

/// Whether another daemon filled the device, from another store, since this state_dir's last did.
task<bool> filled_by_another(std::string filled_from, const daemon_config& config, store* of) {
  const auto last = read_private_file(store_epoch_file(config.state_dir));
  if (filled_from.empty() || (last && last->reveal() == filled_from)) co_return false;
  if (of == nullptr) co_return true;
  const auto now = co_await of->identity();
  co_return !now || now->id != filled_from;
}

}  // namespace

task<result<std::optional<found_interface>>> look_for_adoption(asio::any_io_executor loop,
                                                               const daemon_config& config,
                                                               store* of) {
  const gateway_config& mine = *config.gateway;
  const auto now = netlink::make_link(mine.interface, mine.name.text())->state();
  if (!now) co_return std::unexpected(now.error());
  const auto own_key = read_key(mine.private_key_file);
  const bool no_key = !own_key && own_key.error().code == errc::not_found;
  if (now->exists && !now->marked && !now->wireguard && !userspace_has(mine.interface)) {
    co_return std::optional<found_interface>{};  // tunnel::look() says that it is no WireGuard's
  }
  const bool foreign =
      now->exists && !now->marked && mine.adopt && !left_unmarked(*now, config.state_dir, mine);
  std::string filled_from = now->filled_from;
  const bool anothers = co_await filled_by_another(std::move(filled_from), config, of);
  if (!foreign && !anothers && !(now->marked && no_key)) {
    co_return std::optional<found_interface>{};
  }
  found_interface found;
  found.own_name = now->marked;
  // Of an older mark nobody knows. A single host's store is lost with its state_dir; a fleet's is
  // there, and what it lacks was removed.
  const bool unknown = now->filled_from.empty() && config.store.kind == store_kind::sqlite;
  found.held = foreign || anothers || unknown;
  auto has = netlink::belongings_of(mine.interface);
  if (!has) co_return std::unexpected(has.error());
  found.has = *std::move(has);
  if (auto read = co_await read_device(loop, mine.interface, now->wireguard, found); !read) {
    co_return std::unexpected(std::move(read.error()));
  }
  co_return std::optional(std::move(found));
}

std::vector<std::string> adoption(const found_interface& found, const daemon_config& config) {
  const auto as_is = [](const std::string& each) { return each; };
  const auto route = [](const prefix& each) { return each.text(); };
  const gateway_config& mine = *config.gateway;
  std::vector<std::string> lines;
  const auto own = read_key(mine.private_key_file);
  if (own && found.key && !(*own == *found.key)) {
    lines.push_back("its private key becomes that of " + mine.private_key_file +
                    ", and no file of its peers is good any more: put the interface's own key there"
                    " first (`wg show " +
                    mine.interface + " private-key`), where they shall stay good");
  }
  if (!own && found.own_name) {
    lines.push_back("there is no " + mine.private_key_file + ": its private key is kept");
  }
  if (found.own_name && found.held) {
    lines.push_back(
        "another daemon of this gateway's name filled it, from another store than that of " +
        config.state_dir);
  }
  if (!found.own_name) {
    lines.push_back("addresses, which stay: " + listed(found.has.addresses, as_is));
    lines.push_back("routes, which stay: " + listed(found.has.routes, route));
  }
  if (found.held) {
    lines.push_back("peers, of which those that the store lacks are held (" +
                    std::to_string(found.peers.size()) + "): " + listed(found.peers, as_is));
  }
  if (found.listen_port != mine.listen_port) {
    lines.push_back("its UDP port " + std::to_string(found.listen_port) + " becomes " +
                    std::to_string(mine.listen_port) +
                    ": set gateway.listen_port where its peers' files shall stay good");
  }
  if (found.held && !found.peers.empty()) {
    lines.push_back(
        "held peers stay on the device" +
        std::string(mine.firewall ? ", but the gateway's firewall lets nothing pass "
                                    "that belongs to no network"
                                  : "") +
        ": make each that is wanted anew in a network (`peerage create NAME --public-key "
        "KEY`), then `peerage gateways accept-removals " +
        mine.name.text() + "` removes the others");
  }
  return lines;
}

task<result<>> adopt_interface(asio::any_io_executor loop, const daemon_config& config, store& of) {
  auto looked = co_await look_for_adoption(loop, config, &of);
  if (!looked) co_return std::unexpected(std::move(looked.error()));
  if (!*looked) co_return result<>{};
  const found_interface& found = **looked;
  const gateway_config& mine = *config.gateway;
  // As it is before anything is written, which it speaks of.
  const std::vector<std::string> what = adoption(found, config);
  const auto own = read_key(mine.private_key_file);
  if (!own && own.error().code == errc::not_found && found.key) {
    const secret_text line(base64_encode(found.key->reveal()) + "\n");
    if (auto kept = write_private_file(mine.private_key_file, line.reveal()); !kept) {
      co_return kept;
    }
  }
  if (!found.own_name) {
    std::string note = "interface " + mine.interface + "\n";
    for (const std::string& each : found.has.addresses) note += "address " + each + "\n";
    for (const prefix& each : found.has.routes) note += "route " + each.text() + "\n";
    if (auto kept = write_private_file(file_of(config.state_dir), note); !kept) co_return kept;
  }
  if (found.held) {  // from now on, over restarts
    const std::string file = store_epoch_file(config.state_dir);
    if (auto kept = write_private_file(file, adopted_epoch + "\n"); !kept) co_return kept;
  }
  for (const std::string& each : what) {
    log::warning("interface adopted", {{"interface", mine.interface}, {"what", each}});
  }
  co_return result<>{};
}

std::string store_epoch_file(const std::string& state_dir) {
  return state_dir + "/store-epoch";
}

netlink::belongings adopted_belongings(const std::string& state_dir, const std::string& interface) {
  netlink::belongings kept;
  const auto note = read_private_file(file_of(state_dir));
  if (!note) return kept;
  std::istringstream lines{std::string(note->reveal())};
  bool its = false;
  for (std::string line; std::getline(lines, line);) {
    const auto space = line.find(' ');
    const std::string what = line.substr(0, space);
    const std::string value = space == std::string::npos ? "" : line.substr(space + 1);
    if (what == "interface") its = value == interface;
    if (what == "address" && its) kept.addresses.push_back(value);
    if (what != "route" || !its) continue;
    if (const auto route = prefix::parse(value)) kept.routes.push_back(*route);
  }
  return kept;
}

}  // namespace peerage
