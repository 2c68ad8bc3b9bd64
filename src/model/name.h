// Names that people give to things: DNS labels (RFC 1035, lower case), a type for each kind so that
// a network's name can't be passed where a gateway's is wanted.
#pragma once

#include <compare>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace peerage {

/// 1 to 63 of `a-z 0-9 -`, no `-` at either end.
bool is_label(std::string_view text);

template <class Tag>
class label {
 public:
  label() = default;

  /// errc::invalid, without a field: the caller knows which member it read.
  static result<label> parse(std::string_view text) {
    if (!is_label(text)) {
      return fail(errc::invalid,
                  "must be a DNS label: 1 to 63 of a-z, 0-9 and -, with no - at either end");
    }
    return label{std::string(text)};
  }

  const std::string& text() const { return text_; }
  bool empty() const { return text_.empty(); }
  auto operator<=>(const label&) const = default;

 private:
  explicit label(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

using network_name = label<struct network_tag>;
using gateway_name = label<struct gateway_tag>;
using region_name = label<struct region_tag>;
using peer_name = label<struct peer_tag>;
using token_id = label<struct token_tag>;

}  // namespace peerage

template <class Tag>
struct std::hash<peerage::label<Tag>> {
  std::size_t operator()(const peerage::label<Tag>& name) const noexcept {
    return std::hash<std::string>{}(name.text());
  }
};
