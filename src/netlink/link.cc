#include "netlink/link.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "netlink/host.h"
#include "netlink/route_codec.h"
#include "netlink/route_query.h"
#include "netlink/socket.h"

namespace peerage::netlink {
namespace {

constexpr std::string_view wireguard_kind = "wireguard";

errc code_of(int number) {
  switch (number) {
    case EPERM:
    case EACCES: return errc::denied;
    default: return errc::io;
  }
}

std::string text_of(const address_entry& entry) {
  return entry.address.text() + "/" + std::to_string(entry.length);
}

/// The interface is the gateway's own, whatever the host's default is. False where this process may
/// not.
bool switch_ipv6_on(const std::string& interface) {
  std::ofstream setting("/proc/sys/net/ipv6/conf/" + interface + "/disable_ipv6");
  return static_cast<bool>(setting << "0" << std::flush);
}

class kernel_link final : public link {
 public:
  kernel_link(std::string interface, std::string owner, needed_addresses needed, belongings kept)
      : name_(std::move(interface)),
        owner_mark_(std::string(mark_prefix) + owner.substr(0, 200)),
        needed_(std::move(needed)),
        kept_(std::move(kept)) {}

  const std::string& name() const override { return name_; }
  result<link_state> state() override;
  result<> create() override;
  result<> remove() override;
  result<> note_store(const std::string& epoch) override;
  result<> bring_up(std::uint32_t mtu) override;
  result<std::vector<link_refusal>> conflicts(const link_plan& plan) override;
  result<std::vector<link_refusal>> arrange(const link_plan& plan) override;
  result<belongings> now_has();

 private:
  using refusals = std::vector<link_refusal>;
  result<> connect();
  /// The interface; an error where there is none.
  result<link_facts> facts();
  result<> change(std::uint32_t index, const link_change& wanted);
  result<> arrange_addresses(std::uint32_t index, const link_plan& plan, refusals& into);
  result<> arrange_routes(std::uint32_t index, const link_plan& plan, refusals& into);
  result<> arrange_unreachable(const link_plan& plan, refusals& into);
  result<> arrange_rules(const link_plan& plan);
  std::uint32_t own_priority() const;
  bool is_mine(std::string_view alias) const {
    return alias == owner_mark_ || alias.starts_with(owner_mark_ + " ");
  }
  /// What the interface should have, where it has `alias` now.
  std::string mark(std::string_view alias) const {
    if (!store_.empty()) return owner_mark_ + " " + store_;
    return is_mine(alias) ? std::string(alias) : owner_mark_;
  }
  result<verdict> ask(request message);
  /// Every one of an interface's addresses or routes, of both families.
  template <class Entry>
  result<std::vector<Entry>> list(request (*encode)(family, std::uint32_t),
                                  result<std::optional<Entry>> (*decode)(bytes_view, std::uint32_t),
                                  std::uint32_t index);

  std::unexpected<error> refused(const std::string& doing, const verdict& answer) const {
    return fail(code_of(answer.number),
                "can't " + doing + " interface " + name_ + ": " + answer.text);
  }

  std::string name_;
  std::string owner_mark_;
  std::string store_;  // that the device is filled from; empty: not known yet
  needed_addresses needed_;
  belongings kept_;  // what it had when it was adopted
  std::optional<kernel_socket> socket_;
};

result<> kernel_link::connect() {
  // The kernel cuts nothing: a longer name is an error of many words.
  if (name_.empty() || name_.size() >= IFNAMSIZ) {
    return fail(errc::invalid, "interface name " + name_ + " must have 1 to 15 characters");
  }
  if (socket_) return {};
  auto opened = kernel_socket::open(NETLINK_ROUTE);
  if (!opened) return std::unexpected(opened.error());
  socket_.emplace(std::move(*opened));
  return {};
}

result<verdict> kernel_link::ask(request message) {
  auto answer = socket_->ask(message);
  if (!answer) answer.error().message = "interface " + name_ + ": " + answer.error().message;
  return answer;
}

result<link_facts> kernel_link::facts() {
  if (auto connected = connect(); !connected) return std::unexpected(connected.error());
  auto found = find_link(*socket_, name_);
  if (!found) return std::unexpected(found.error());
  if (!*found) return fail(errc::io, "there is no interface " + name_);
  return std::move(**found);
}

result<link_state> kernel_link::state() {
  if (auto connected = connect(); !connected) return std::unexpected(connected.error());
  auto found = find_link(*socket_, name_);
  if (!found) return std::unexpected(found.error());
  if (!*found) return link_state{};
  const link_facts& now = **found;
  link_state state{true, now.kind == wireguard_kind, is_mine(now.alias), now.up};
  if (state.marked && now.alias != owner_mark_) {
    state.filled_from = now.alias.substr(owner_mark_.size() + 1);
  }
  return state;
}

result<> kernel_link::note_store(const std::string& epoch) {
  store_ = epoch;
  const auto now = state();
  if (!now) return std::unexpected(now.error());
  if (!now->marked || now->filled_from == epoch) return {};
  const auto there = facts();
  if (!there) return std::unexpected(there.error());
  return change(there->index, link_change{mark(there->alias), {}, false});
}

result<> kernel_link::create() {
  if (auto connected = connect(); !connected) return connected;
  const auto answer = ask(encode_new_link(name_, wireguard_kind));
  if (!answer) return std::unexpected(answer.error());
  if (answer->number == EOPNOTSUPP) {
    return fail(errc::unsupported,
                "can't make interface " + name_ + ": this kernel has no WireGuard");
  }
  if (!answer->done()) return refused("make", *answer);
  auto made = facts();
  if (!made) return std::unexpected(made.error());
  // One that is not marked would be taken for somebody else's at the next start.
  auto marked = change(made->index, link_change{mark({}), {}, false});
  if (!marked) static_cast<void>(ask(encode_delete_link(made->index)));
  return marked;
}

result<> kernel_link::remove() {
  if (auto connected = connect(); !connected) return connected;
  auto found = find_link(*socket_, name_);
  if (!found) return std::unexpected(found.error());
  refusals none;
  if (auto gone = arrange_unreachable({}, none); !gone) return gone;
  if (auto gone = arrange_rules({}); !gone) return gone;
  if (!*found) return {};
  const auto answer = ask(encode_delete_link((*found)->index));
  if (!answer) return std::unexpected(answer.error());
  if (answer->done() || answer->number == ENODEV) return {};
  return refused("remove", *answer);
}

result<> kernel_link::change(std::uint32_t index, const link_change& wanted) {
  const auto answer = ask(encode_change_link(index, wanted));
  if (!answer) return std::unexpected(answer.error());
  if (answer->done()) return {};
  if (answer->number == EADDRINUSE) {
    return fail(errc::io, "can't bring up interface " + name_ +
                              ": another program on this host listens on its UDP port");
  }
  return refused(wanted.bring_up ? "bring up" : "set up", *answer);
}

result<> kernel_link::bring_up(std::uint32_t mtu) {
  const auto now = facts();
  if (!now) return std::unexpected(now.error());
  const auto wanted = compare(*now, mark(now->alias), mtu);
  if (!wanted) return {};
  return change(now->index, *wanted);
}

template <class Entry>
result<std::vector<Entry>> kernel_link::list(request (*encode)(family, std::uint32_t),
                                             result<std::optional<Entry>> (*decode)(bytes_view,
                                                                                    std::uint32_t),
                                             std::uint32_t index) {
  std::vector<Entry> all;
  for (const family of : {family::ipv4, family::ipv6}) {
    std::vector<Entry> entries;
    request asked = encode(of, index);
    const auto answer = socket_->dump(
        asked, [&] { entries.clear(); },
        [&](const message& found) -> result<> {
          auto entry = decode(found.payload, index);
          if (!entry) return std::unexpected(entry.error());
          if (*entry) entries.push_back(**entry);
          return {};
        });
    if (!answer) return std::unexpected(answer.error());
    // A kernel without IPv6 has none of its addresses and routes.
    const bool absent = answer->number == EOPNOTSUPP || answer->number == EAFNOSUPPORT;
    if (!answer->done() && !absent) return refused("look at", *answer);
    all.insert(all.end(), entries.begin(), entries.end());
  }
  return all;
}

result<belongings> kernel_link::now_has() {
  if (auto connected = connect(); !connected) return std::unexpected(connected.error());
  const auto found = find_link(*socket_, name_);
  if (!found) return std::unexpected(found.error());
  belongings all;
  if (!*found) return all;
  const auto addresses = list(encode_get_addresses, decode_address, (*found)->index);
  if (!addresses) return std::unexpected(addresses.error());
  // What nothing is wanted of has to go: all but what is the kernel's own.
  for (const address_entry& each : compare(*addresses, std::vector<ip_address>{}).drop) {
    all.addresses.push_back(text_of(each));
  }
  const auto routes = list(encode_get_routes, decode_route, (*found)->index);
  if (!routes) return std::unexpected(routes.error());
  for (const route_entry& each : compare(*routes, std::vector<prefix>{}).drop) {
    all.routes.push_back(each.destination);
  }
  return all;
}

result<std::vector<link_refusal>> kernel_link::conflicts(const link_plan& plan) {
  if (auto connected = connect(); !connected) return std::unexpected(connected.error());
  const auto now = find_link(*socket_, name_);
  if (!now) return std::unexpected(now.error());
  const std::uint32_t own = *now ? (*now)->index : 0;
  const auto uses =
      look_at_host(*socket_, own, needed_ ? needed_() : std::vector<needed_address>{});
  if (!uses) return std::unexpected(uses.error());
  refusals found;
  for (const auto* const some : {&plan.routes, &plan.unreachable}) {
    for (const prefix& each : *some) {
      if (const host_use* use = use_of(each, *uses)) found.push_back({each, use->why});
    }
  }
  return found;
}

result<std::vector<link_refusal>> kernel_link::arrange(const link_plan& plan) {
  const auto now = facts();
  if (!now) return std::unexpected(now.error());
  refusals refused;
  auto arranged = arrange_addresses(now->index, plan, refused);
  // Looked at afterwards: the last IPv4 address takes the IPv4 routes with it.
  if (arranged) arranged = arrange_routes(now->index, plan, refused);
  if (arranged) arranged = arrange_unreachable(plan, refused);
  if (arranged) arranged = arrange_rules(plan);
  if (!arranged) return std::unexpected(arranged.error());
  return refused;
}

result<> kernel_link::arrange_addresses(std::uint32_t index, const link_plan& plan,
                                        refusals& into) {
  const auto have = list(encode_get_addresses, decode_address, index);
  if (!have) return std::unexpected(have.error());
  address_changes changes = compare(*have, plan.addresses);
  if (!plan.only) changes.drop.clear();
  std::erase_if(changes.drop, [&](const address_entry& entry) {
    return std::ranges::find(kept_.addresses, text_of(entry)) != kept_.addresses.end();
  });
  for (const address_entry& entry : changes.drop) {
    const auto answer = ask(encode_drop_address(index, entry));
    if (!answer) return std::unexpected(answer.error());
    if (!answer->done() && answer->number != EADDRNOTAVAIL) {
      return refused("take address " + entry.address.text() + " from", *answer);
    }
  }
  for (const ip_address& address : changes.add) {
    auto answer = ask(encode_add_address(index, address));
    if (!answer) return std::unexpected(answer.error());
    // What the kernel says where IPv6 is switched off for an interface.
    if (answer->number == EACCES && address.family() == family::ipv6 && switch_ipv6_on(name_)) {
      answer = ask(encode_add_address(index, address));
      if (!answer) return std::unexpected(answer.error());
    }
    if (answer->done() || answer->number == EEXIST) continue;
    if (answer->number == EPERM) return refused("give address " + address.text() + " to", *answer);
    std::string why = "interface " + name_ + " can't have it: " + answer->text;
    const bool six = address.family() == family::ipv6;
    const bool no_ipv6 = six && (answer->number == EACCES || answer->number == EOPNOTSUPP ||
                                 answer->number == EAFNOSUPPORT);
    if (no_ipv6) {
      why += "; IPv6 is switched off (net.ipv6.conf." + name_ + ".disable_ipv6, or ipv6.disable)";
    } else if (six) {
      why += "; is the MTU below 1280?";
    }
    into.push_back({prefix::host(address), std::move(why), no_ipv6});
  }
  return {};
}

result<> kernel_link::arrange_routes(std::uint32_t index, const link_plan& plan, refusals& into) {
  const auto have = list(encode_get_routes, decode_route, index);
  if (!have) return std::unexpected(have.error());
  route_changes changes = compare(*have, plan.routes);
  if (!plan.only) changes.drop.clear();
  std::erase_if(changes.drop, [&](const route_entry& entry) {
    return std::ranges::find(kept_.routes, entry.destination) != kept_.routes.end();
  });
  for (const route_entry& entry : changes.drop) {
    const auto answer = ask(encode_drop_route(index, entry));
    if (!answer) return std::unexpected(answer.error());
    if (!answer->done() && answer->number != ESRCH) {
      return refused("remove route " + entry.destination.text() + " of", *answer);
    }
  }
  for (const prefix& destination : changes.add) {
    const auto answer = ask(encode_add_route(index, destination));
    if (!answer) return std::unexpected(answer.error());
    if (answer->done()) continue;
    if (answer->number == EPERM) {
      return refused("route " + destination.text() + " through", *answer);
    }
    into.push_back({destination, answer->number == EEXIST
                                     ? "this host has another route to it, which must go first"
                                     : "interface " + name_ + " can't have it: " + answer->text});
  }
  return {};
}

/// Other gateways of this host have theirs.
std::uint32_t kernel_link::own_priority() const {
  std::uint32_t hash = 2'166'136'261;  // FNV-1a
  for (const char each : name_) hash = (hash ^ static_cast<std::uint8_t>(each)) * 16'777'619;
  return 0x70000000 + (hash & 0xffffff);
}

result<> kernel_link::arrange_unreachable(const link_plan& plan, refusals& into) {
  std::vector<prefix> have;
  request asked = encode_get_unreachable(family::ipv6);
  const auto dumped = socket_->dump(
      asked, [&] { have.clear(); },
      [&](const message& found) -> result<> {
        auto one = decode_unreachable(found.payload, own_priority());
        if (!one) return std::unexpected(one.error());
        if (*one) have.push_back(**one);
        return {};
      });
  if (!dumped) return std::unexpected(dumped.error());
  for (const prefix& each : have) {
    if (!plan.only || std::ranges::find(plan.unreachable, each) != plan.unreachable.end()) continue;
    const auto answer = ask(encode_drop_unreachable(each, own_priority()));
    if (!answer) return std::unexpected(answer.error());
    if (!answer->done() && answer->number != ESRCH) {
      return refused("remove the unreachable route " + each.text() + " of", *answer);
    }
  }
  for (const prefix& each : plan.unreachable) {
    if (std::ranges::find(have, each) != have.end()) continue;
    const auto answer = ask(encode_add_unreachable(each, own_priority()));
    if (!answer) return std::unexpected(answer.error());
    if (answer->done() || answer->number == EEXIST) continue;
    into.push_back({each, "it can't be made unreachable beyond this gateway: " + answer->text});
  }
  return {};
}

/// A second wall behind the first: where its table is gone, nothing has the mark.
result<> kernel_link::arrange_rules(const link_plan& plan) {
  for (const family of : {family::ipv4, family::ipv6}) {
    const auto answer = ask(encode_rule(of, name_, passed_mark, plan.only_marked));
    if (!answer) return std::unexpected(answer.error());
    const int number = answer->number;
    const bool as_wanted =
        answer->done() || (plan.only_marked ? number == EEXIST : number == ENOENT);
    // A kernel without policy routing, or without IPv6, has the first wall alone.
    if (as_wanted || number == EOPNOTSUPP || number == EAFNOSUPPORT) continue;
    return refused("make a routing rule for", *answer);
  }
  return {};
}

}  // namespace

result<belongings> belongings_of(const std::string& interface) {
  return kernel_link(interface, {}, {}, {}).now_has();
}

std::unique_ptr<link> make_link(std::string interface, std::string owner, needed_addresses needed,
                                belongings kept) {
  return std::make_unique<kernel_link>(std::move(interface), std::move(owner), std::move(needed),
                                       std::move(kept));
}

}  // namespace peerage::netlink
