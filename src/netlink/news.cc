#include "netlink/news.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <unistd.h>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>
#include <utility>

#include "netlink/socket.h"

namespace peerage::netlink {
namespace {

using namespace asio::experimental::awaitable_operators;

constexpr unsigned route_groups =
    RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE;
constexpr unsigned nft_groups = 1U << (NFNLGRP_NFTABLES - 1);

class kernel_news final : public host_news {
 public:
  kernel_news(asio::any_io_executor loop, std::string interface)
      : loop_(std::move(loop)), interface_(std::move(interface)) {
    open(routes_, NETLINK_ROUTE, route_groups);
    open(tables_, NETLINK_NETFILTER, nft_groups);
  }

  std::string trouble() const override { return trouble_; }

  task<> changed() override {
    for (;;) {
      // Both are read, whatever the first has told.
      const std::uint32_t own = ::if_nametoindex(interface_.c_str());
      const bool routed =
          drain(routes_, [&](const message& each) { return route_notice_matters(each, own); });
      const auto self = static_cast<std::uint32_t>(::getpid());
      const bool walled =
          drain(tables_, [&](const message& each) { return nft_notice_matters(each, self); });
      if (routed || walled) co_return;
      co_await (readable(routes_) || readable(tables_));
    }
  }

 private:
  struct ear {
    std::optional<kernel_socket> socket;
    std::optional<asio::posix::stream_descriptor> waiter;
  };

  void open(ear& made, int protocol, unsigned groups) {
    auto socket = kernel_socket::open(protocol, groups);
    if (!socket) {
      trouble_ = socket.error().message;
      return;
    }
    made.socket.emplace(std::move(*socket));
    made.waiter.emplace(loop_);
    boost::system::error_code refused;
    made.waiter->assign(fcntl(made.socket->descriptor(), F_DUPFD_CLOEXEC, 0), refused);
    if (refused) made.waiter.reset();
  }

  static bool drain(ear& of, const std::function<bool(const message&)>& matters) {
    return of.socket && of.socket->drain(matters);
  }

  /// For ever, where there is nothing to be told by.
  task<> readable(ear& of) {
    if (of.waiter) {
      co_await of.waiter->async_wait(asio::posix::stream_descriptor::wait_read,
                                     asio::use_awaitable);
      co_return;
    }
    asio::steady_timer never(loop_, asio::steady_timer::time_point::max());
    co_await never.async_wait(asio::use_awaitable);
  }

  asio::any_io_executor loop_;
  std::string interface_;
  std::string trouble_;
  ear routes_, tables_;
};

bool is_of(bytes_view route, std::uint32_t own) {
  const auto header = read<rtmsg>(route);
  if (!header) return false;
  if (header->rtm_type == RTN_UNREACHABLE) return true;
  attributes list(route.subspan(sizeof(rtmsg)));
  while (const auto found = list.next()) {
    if (found->type == RTA_OIF && read<std::uint32_t>(found->payload) == own) return true;
  }
  return false;
}

}  // namespace

bool route_notice_matters(const message& notice, std::uint32_t own) {
  switch (notice.type) {
    case RTM_NEWLINK:
    case RTM_DELLINK: {
      const auto header = read<ifinfomsg>(notice.payload);
      return header && static_cast<std::uint32_t>(header->ifi_index) == own;
    }
    case RTM_NEWADDR:
    case RTM_DELADDR: {
      const auto header = read<ifaddrmsg>(notice.payload);
      return header && (notice.type == RTM_DELADDR || header->ifa_index != own);
    }
    case RTM_DELROUTE: return is_of(notice.payload, own);
    default: return false;
  }
}

bool nft_notice_matters(const message& notice, std::uint32_t own) {
  constexpr std::uint16_t generation = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN;
  if (notice.type != generation || notice.payload.size() < sizeof(nfgenmsg)) return false;
  attributes list(notice.payload.subspan(sizeof(nfgenmsg)));
  while (const auto found = list.next()) {
    if (found->type != NFTA_GEN_PROC_PID) continue;
    const auto by = read<std::uint32_t>(found->payload);
    return !by || ntohl(*by) != own;
  }
  return true;
}

std::unique_ptr<host_news> make_host_news(asio::any_io_executor loop, std::string interface) {
  return std::make_unique<kernel_news>(std::move(loop), std::move(interface));
}

}  // namespace peerage::netlink
