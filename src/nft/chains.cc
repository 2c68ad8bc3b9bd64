#include "nft/chains.h"

#include <nftables/libnftables.h>

#include <algorithm>
#include <optional>
#include <sstream>

namespace peerage::nft {
namespace {

/// One that nft takes as a word of a command.
bool is_plain(std::string_view name) {
  constexpr std::string_view others = "_-./\\";
  return !name.empty() && std::ranges::all_of(name, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           others.contains(c);
  });
}

}  // namespace

std::vector<dropping_chain> parse_dropping(std::string_view listed) {
  std::vector<dropping_chain> found;
  dropping_chain now;
  std::istringstream lines{std::string(listed)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string first;
    words >> first;
    if (first == "table") {
      words >> now.family >> now.table;
    } else if (first == "chain") {
      words >> now.chain;
    } else if (first == "type" && line.contains(" hook forward ") &&
               line.contains("policy drop;")) {
      const bool of_ip = now.family == "ip" || now.family == "ip6" || now.family == "inet";
      if (of_ip && is_plain(now.table) && is_plain(now.chain)) found.push_back(now);
    }
  }
  return found;
}

bool accepts_by_name(std::string_view table, std::string_view interface) {
  const std::string name = "\"" + std::string(interface) + "\"";
  std::istringstream lines{std::string(table)};
  for (std::string line; std::getline(lines, line);) {
    if (line.contains(name) && line.contains(" accept")) return true;
  }
  return false;
}

struct other_chains::context {
  nft_ctx* handle = nft_ctx_new(NFT_CTX_DEFAULT);
  context() {
    if (handle == nullptr) return;
    nft_ctx_buffer_output(handle);
    nft_ctx_buffer_error(handle);
  }
  ~context() {
    if (handle != nullptr) nft_ctx_free(handle);
  }
  context(const context&) = delete;
  context& operator=(const context&) = delete;

  std::optional<std::string> run(const std::string& command) const {
    if (handle == nullptr || nft_run_cmd_from_buffer(handle, command.c_str()) != 0) return {};
    return std::string(nft_ctx_get_output_buffer(handle));
  }
};

other_chains::other_chains() : nft_(std::make_unique<context>()) {}
other_chains::~other_chains() = default;

std::vector<dropping_chain> other_chains::in_the_way_of(const std::string& interface) {
  const auto listed = nft_->run("list chains");
  if (!listed) return {};
  std::vector<dropping_chain> found = parse_dropping(*listed);
  std::erase_if(found, [&](const dropping_chain& each) {
    const auto table = nft_->run("list table " + each.family + " " + each.table);
    return table && accepts_by_name(*table, interface);
  });
  return found;
}

}  // namespace peerage::nft
