// Pages of a network's peers, as far as the caller sees them.
//
// The cursor of a page must not name a peer that the caller may not see. Where it stands behind one
// (a token sees few of many peers), it is sealed with a key that every API process can derive and
// no client can.
#include <array>
#include <utility>

#include "base/base64.h"
#include "control/control.h"
#include "crypto/mac.h"
#include "crypto/sha256.h"

namespace peerage {
namespace {

constexpr std::size_t page_size = 1'000;
constexpr std::size_t most_pages = 5;  // read for one call
constexpr std::size_t tag_size = 8;
constexpr char sealed_mark = '~';

class cursor_seal {
 public:
  cursor_seal(const epoch& of, const network& in)
      : key_(secret_key(sha256("list cursor " + of.id + " " + in.id + " " + in.name.text()))) {}

  std::string seal(const std::string& position) const {
    const auto whole = key_.of({"tag", position});
    std::string made(whole.begin(), whole.begin() + tag_size);
    made += mixed(position, made);
    std::string text(1, sealed_mark);
    return text + hex_encode(bytes_of(made));
  }
  result<std::string> open(const std::string& text) const {
    const auto refused = fail(errc::invalid, "is not one that this list gave", "cursor");
    std::string all((text.size() - 1) / 2, '\0');
    const std::span<std::uint8_t> into(reinterpret_cast<std::uint8_t*>(all.data()), all.size());
    if (all.size() <= tag_size || !hex_decode(std::string_view(text).substr(1), into)) {
      return refused;
    }
    const std::string tag = all.substr(0, tag_size);
    std::string position = mixed(all.substr(tag_size), tag);
    const auto whole = key_.of({"tag", position});
    if (std::string(whole.begin(), whole.begin() + tag_size) != tag) return refused;
    return position;
  }

 private:
  static std::span<const std::uint8_t> bytes_of(const std::string& text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
  }
  /// The text XORed with a stream that only this tag has.
  std::string mixed(std::string text, const std::string& tag) const {
    for (std::size_t at = 0; at < text.size(); at += 32) {
      const auto stream = key_.of({"stream", tag, std::to_string(at)});
      for (std::size_t i = 0; i < 32 && at + i < text.size(); ++i) {
        text[at + i] = static_cast<char>(static_cast<std::uint8_t>(text[at + i]) ^ stream[i]);
      }
    }
    return text;
  }

  authenticator key_;
};

}  // namespace

/// The peers behind `query.after` that the caller sees, and where to go on.
task<result<peer_page>> control::visible_peers(const principal& who, const network& in,
                                               std::string after, std::size_t limit) {
  const cursor_seal sealed(epoch_, in);
  if (after.starts_with(sealed_mark)) {
    auto opened = sealed.open(after);
    if (!opened) co_return std::unexpected(opened.error());
    after = *std::move(opened);
  }
  const bool sees_all =
      who.has(scope::admin) || who.has(scope::peers_read) || who.has(scope::peers_manage);
  peer_page made;
  page_query query{peers_of_network{in.name}, std::move(after), sees_all ? limit : page_size};
  for (std::size_t pages = 0; pages < most_pages; ++pages) {
    auto got = co_await store_.list(query);
    if (!got) co_return std::unexpected(got.error());
    if (!sees_all) charge_read(who, got->items.size() / 8);
    for (auto& each : got->items) {
      peer_view view;
      view.what = {std::get<peer>(std::move(each.value)), each.revision};
      query.after = view.what.value.id.name.text();
      if (!may_touch(who, view.what.value, action::read_peers)) continue;
      if (made.items.size() == limit) {
        made.next = made.items.back().what.value.id.name.text();
        co_return made;
      }
      view.network = in;
      made.items.push_back(std::move(view));
    }
    if (!got->more) co_return made;
    if (sees_all) break;
  }
  const bool at_visible =
      !made.items.empty() && made.items.back().what.value.id.name.text() == query.after;
  made.next = at_visible ? query.after : sealed.seal(query.after);
  co_return made;
}

}  // namespace peerage
