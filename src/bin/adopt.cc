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
  explicit taker(foreign_interface& found) : into(found) {}
  void begin() override { into.peers.clear(); }
  void self(const std::optional<secret_key>& key, std::uint16_t port) override {
    into.key = key;
    into.listen_port = port;
  }
  void take(const device_entry& entry) override {
    into.peers.push_back(entry.peer.public_key.text());
  }
  foreign_interface& into;
};

task<result<>> read_device(asio::any_io_executor loop, const std::string& interface, bool kernel,
                           foreign_interface& into) {
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

}  // namespace

task<result<std::optional<foreign_interface>>> look_at_foreign(asio::any_io_executor loop,
                                                               const gateway_config& config,
                                                               const std::string& state_dir) {
  const auto interface = netlink::make_link(config.interface, config.name.text());
  const auto now = interface->state();
  if (!now) co_return std::unexpected(now.error());
  const bool foreign = now->exists && !now->marked && !left_unmarked(*now, state_dir, config);
  if (!foreign) co_return std::optional<foreign_interface>{};
  foreign_interface found;
  auto has = netlink::belongings_of(config.interface);
  if (!has) co_return std::unexpected(has.error());
  found.has = *std::move(has);
  if (auto read = co_await read_device(loop, config.interface, now->wireguard, found); !read) {
    co_return std::unexpected(std::move(read.error()));
  }
  co_return std::optional(std::move(found));
}

std::vector<std::string> adoption(const foreign_interface& found, const gateway_config& config) {
  const auto as_is = [](const std::string& each) { return each; };
  const auto route = [](const prefix& each) { return each.text(); };
  std::vector<std::string> lines;
  const auto own = read_key(config.private_key_file);
  if (own && found.key && !(*own == *found.key)) {
    lines.push_back("its private key becomes that of " + config.private_key_file +
                    ", and no file of its peers is good any more: put the interface's own key there"
                    " first (`wg show " +
                    config.interface + " private-key`), where they shall stay good");
  }
  lines.push_back("addresses, which stay: " + listed(found.has.addresses, as_is));
  lines.push_back("routes, which stay: " + listed(found.has.routes, route));
  lines.push_back("peers, which are held (" + std::to_string(found.peers.size()) +
                  "): " + listed(found.peers, as_is));
  if (found.listen_port != config.listen_port) {
    lines.push_back("its UDP port " + std::to_string(found.listen_port) + " becomes " +
                    std::to_string(config.listen_port) +
                    ": set gateway.listen_port where its peers' files shall stay good");
  }
  if (!found.peers.empty()) {
    lines.push_back("held peers stay on the device" +
                    std::string(config.firewall ? ", but the gateway's firewall lets nothing pass "
                                                  "that belongs to no network"
                                                : "") +
                    ": make each of them anew in a network (`peerage create NAME --public-key "
                    "KEY`), then `peerage gateways accept-removals " +
                    config.name.text() + "` removes the others");
  }
  return lines;
}

task<result<>> adopt_interface(asio::any_io_executor loop, const gateway_config& config,
                               const std::string& state_dir) {
  if (!config.adopt) co_return result<>{};  // tunnel::choose() refuses it
  auto found = co_await look_at_foreign(loop, config, state_dir);
  if (!found) co_return std::unexpected(std::move(found.error()));
  if (!*found) co_return result<>{};
  const foreign_interface& foreign = **found;
  const auto own = read_key(config.private_key_file);
  if (!own && own.error().code == errc::not_found && foreign.key) {
    const secret_text line(base64_encode(foreign.key->reveal()) + "\n");
    if (auto kept = write_private_file(config.private_key_file, line.reveal()); !kept) {
      co_return kept;
    }
  }
  std::string note = "interface " + config.interface + "\n";
  for (const std::string& each : foreign.has.addresses) note += "address " + each + "\n";
  for (const prefix& each : foreign.has.routes) note += "route " + each.text() + "\n";
  if (auto kept = write_private_file(file_of(state_dir), note); !kept) co_return kept;
  // Its peers are held from now on, over restarts.
  if (auto kept = write_private_file(state_dir + "/store-epoch", adopted_epoch + "\n"); !kept) {
    co_return kept;
  }
  for (const std::string& each : adoption(foreign, config)) {
    log::warning("interface adopted", {{"interface", config.interface}, {"what", each}});
  }
  co_return result<>{};
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
