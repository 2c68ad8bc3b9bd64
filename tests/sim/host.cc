#include "tests/sim/host.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace peerage::sim {
namespace {

constexpr std::size_t most_versions = 4;

error device_gone() {
  return {errc::unavailable, "the device is gone", {}};
}

std::string text_of(const std::vector<device_change>& changes) {
  std::string text = "write";
  for (const auto& each : changes) {
    if (text.size() > 80) return text + " …";
    const auto* set = std::get_if<set_peer>(&each);
    const auto* strip = std::get_if<strip_peer>(&each);
    const public_key& key = set     ? set->peer.public_key
                            : strip ? strip->public_key
                                    : std::get<drop_peer>(each).public_key;
    text += (set ? " set " : strip ? " strip " : " drop ") + key.text().substr(0, 6);
  }
  return text;
}

}  // namespace

void device_world::make(const device_change& change) {
  if (on_change) on_change(change);
  fakes::make_change(peers, change);
}

void device_world::vanish() {
  present = false;
  peers.clear();
  plan = {};
}

bool device_world::has(const device_peer& one) const {
  const auto found = peers.find(one.public_key);
  return found != peers.end() && found->second.peer == one;
}

void mirror_world::lose(std::size_t saves) {
  for (; saves > 0 && !before.empty(); --saves) {
    now = std::move(before.back());
    before.pop_back();
  }
}

task<result<>> sim_device::configure(secret_key, std::uint16_t) {
  if (!at_.present) co_return std::unexpected(device_gone());
  co_return result<>{};
}

/// In two messages; the second, or both, may fail, or be done and say that they failed.
task<result<>> sim_device::apply(std::vector<device_change> changes) {
  auto mine = std::make_shared<call_for<void>>(loop_, process_, port::device, text_of(changes));
  mine->act = [&at = at_, weak = std::weak_ptr(mine), changes = std::move(changes),
               made = std::size_t{0}](dice& chance) mutable {
    const auto waiting = weak.lock();
    const auto answer = [&](result<> how) {
      if (waiting) waiting->answer.emplace(std::move(how));
      return true;
    };
    if (!at.present) return answer(std::unexpected(device_gone()));
    const std::size_t upto = made == 0 && changes.size() > 1 ? changes.size() / 2 : changes.size();
    const bool wrong = chance.chance(at.mischief);
    const bool only_says_so = wrong && chance.chance(40);
    if (!wrong || only_says_so) {
      for (; made < upto; ++made) at.make(changes[made]);
    }
    if (wrong) return answer(fail(only_says_so ? errc::timeout : errc::io, "the device refused"));
    return made < changes.size() ? false : answer({});
  };
  co_return co_await until_answered(calls_, std::move(mine));
}

/// In two looks: by the first half of the keys, then the second.
task<result<>> sim_device::dump(dump_taker& into) {
  if (std::exchange(dumping_, true)) throw std::logic_error("two dumps at once");
  struct leave {
    bool& dumping;
    ~leave() { dumping = false; }
  } const leaving{dumping_};
  into.begin();
  auto mine = std::make_shared<call_for<std::vector<device_entry>>>(loop_, process_, port::device,
                                                                    std::string("dump"));
  mine->act = [&at = at_, weak = std::weak_ptr(mine), looks = 0,
               seen = std::vector<device_entry>()](dice& chance) mutable {
    const auto waiting = weak.lock();
    if (!at.present || chance.chance(at.mischief)) {
      const error why = at.present ? error{errc::io, "the dump was disturbed", {}} : device_gone();
      if (waiting) waiting->answer.emplace(std::unexpected(why));
      return true;
    }
    for (const auto& [key, entry] : at.peers)
      if ((key.bytes()[0] >= 0x80) == (looks == 1)) seen.push_back(entry);
    if (++looks < 2) return false;
    if (waiting) waiting->answer.emplace(std::move(seen));
    return true;
  };
  auto seen = co_await until_answered(calls_, std::move(mine));
  if (!seen) co_return std::unexpected(std::move(seen.error()));
  for (const device_entry& each : *seen) into.take(each);
  co_return result<>{};
}

task<result<>> sim_device::bring_up() {
  auto mine =
      std::make_shared<call_for<void>>(loop_, process_, port::device, std::string("bring up"));
  mine->act = [&at = at_, weak = std::weak_ptr(mine)](dice& chance) {
    const bool wrong = chance.chance(at.mischief);
    if (!wrong) at.present = true;
    if (const auto waiting = weak.lock()) {
      waiting->answer.emplace(wrong ? result<>(fail(errc::io, "no device")) : result<>());
    }
    return true;
  };
  co_return co_await until_answered(calls_, std::move(mine));
}

result<std::vector<link_refusal>> sim_link::arrange(const link_plan& plan) {
  if (!at_.present) return fail(errc::io, "there is no such interface");
  if (chance_.chance(at_.mischief)) return fail(errc::io, "the kernel refused an address");
  link_plan next = plan;
  const auto keep = [](auto& into, const auto& from) {
    for (const auto& each : from)
      if (std::ranges::find(into, each) == into.end()) into.push_back(each);
  };
  if (!plan.only) {
    keep(next.addresses, at_.plan.addresses);
    keep(next.routes, at_.plan.routes);
  }
  at_.plan = std::move(next);
  return std::vector<link_refusal>{};
}

result<std::optional<mirrored>> sim_mirror::load() {
  if (!at_.now.head) return std::optional<mirrored>{};
  mirrored made{*at_.now.head, {}};
  for (const auto& [key, each] : at_.now.peers) made.peers.push_back(each);
  return made;
}

result<> sim_mirror::save(const mirror_head& head, const std::vector<stored_assignment>& set,
                          const std::vector<public_key>& erase) {
  if (chance_.chance(at_.mischief)) return fail(errc::io, "the disk is full");
  at_.before.push_back(at_.now);
  if (at_.before.size() > most_versions) at_.before.pop_front();
  at_.now.head = head;
  for (const auto& each : set) at_.now.peers.insert_or_assign(each.peer.public_key, each);
  for (const auto& each : erase) at_.now.peers.erase(each);
  return {};
}

}  // namespace peerage::sim
