#include "netlink/route_query.h"

#include <linux/rtnetlink.h>

#include <cerrno>

namespace peerage::netlink {

result<std::optional<link_facts>> find_link(kernel_socket& socket, const std::string& name) {
  request asked = encode_get_link(name);
  std::optional<link_facts> link;
  const auto answer = socket.ask(asked, [&](const message& found) -> result<> {
    if (found.type != RTM_NEWLINK) return {};
    auto decoded = decode_link(found.payload);
    if (!decoded) return std::unexpected(decoded.error());
    link = std::move(*decoded);
    return {};
  });
  if (!answer) return std::unexpected(answer.error());
  if (answer->number == ENODEV) return std::nullopt;
  if (!answer->done()) {
    return fail(answer->number == EPERM ? errc::denied : errc::io,
                "can't look at interface " + name + ": " + answer->text);
  }
  return link;
}

}  // namespace peerage::netlink
