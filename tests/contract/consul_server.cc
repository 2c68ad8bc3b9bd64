#include "tests/contract/consul_server.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <vector>

#include "async/task.h"
#include "http/client.h"

namespace peerage::contract {
namespace {

namespace fs = std::filesystem;
using asio::ip::tcp;
constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

std::string find_consul() {
  if (const char* named = std::getenv("PEERAGE_CONSUL")) return named;
  std::istringstream folders(std::getenv("PATH") ? std::getenv("PATH") : "");
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::string each = folder + "/consul";
    if (::access(each.c_str(), X_OK) == 0) return each;
  }
  const fs::path fetched = fs::current_path() / "build/tools/usr/bin/consul";
  if (::access(fetched.c_str(), X_OK) == 0) return fetched.string();
  throw std::runtime_error(
      "there is no consul in PATH or build/tools; \"./dev setup\" fetches one, and PEERAGE_CONSUL "
      "may name another");
}

/// Ports that are free now; Consul binds them a moment later.
std::array<std::uint16_t, 3> free_ports() {
  asio::io_context loop;
  std::vector<tcp::acceptor> held;
  std::array<std::uint16_t, 3> made{};
  for (auto& each : made) {
    held.emplace_back(loop, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    each = held.back().local_endpoint().port();
  }
  return made;
}

pid_t start(const std::vector<std::string>& words, const std::string& log) {
  std::vector<char*> arguments;
  for (const auto& each : words) arguments.push_back(const_cast<char*>(each.c_str()));
  arguments.push_back(nullptr);
  const pid_t child = ::fork();
  if (child < 0) throw std::runtime_error("fork failed");
  if (child > 0) return child;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  ::dup2(out, 1);
  ::dup2(out, 2);
  ::execv(arguments[0], arguments.data());
  ::_exit(127);
}

}  // namespace

consul_server::consul_server(const std::string& more) {
  const std::string program = find_consul();
  std::string name = (fs::temp_directory_path() / "peerage-consul-XXXXXX").string();
  home_ = mkdtemp(name.data());
  const auto ports = free_ports();
  port_ = ports[0];
  std::ofstream(home_ / "config.json")
      << R"({"ports": {"http": )" << ports[0] << R"(, "serf_lan": )" << ports[1]
      << R"(, "server": )" << ports[2] << R"(, "dns": -1, "serf_wan": -1, "grpc": -1},)"
      << R"( "disable_update_check": true, "performance": {"raft_multiplier": 1}})";
  std::ofstream(home_ / "more.json") << more;
  pid_ = start(
      {program, "agent", "-server", "-bootstrap-expect=1", "-data-dir", (home_ / "data").string(),
       "-bind", "127.0.0.1", "-client", "127.0.0.1", "-config-file",
       (home_ / "config.json").string(), "-config-file", (home_ / "more.json").string()},
      (home_ / "log").string());
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{30};
  const auto status = [this](const std::string& path, const std::string& query) {
    http::request wanted;
    wanted.method = "GET";
    wanted.path = path;
    wanted.query = query;
    const auto answer = http::send_blocking(url(), wanted, std::chrono::seconds{5});
    return answer ? answer->status : 0;
  };
  for (;;) {
    const int leader = status("/v1/kv/ready", "consistent");
    // 403: it wants a token, which it can't make while its access lists are "in legacy mode", 500.
    if (leader == 404 || (leader == 403 && status("/v1/acl/policies", "") == 403)) return;
    if (::waitpid(pid_, nullptr, WNOHANG) == pid_ || std::chrono::steady_clock::now() > until) {
      std::ostringstream log;
      log << std::ifstream(home_ / "log").rdbuf();
      throw std::runtime_error(program + " did not start: " + log.str());
    }
    ::poll(nullptr, 0, 20);  // between two questions
  }
}

consul_server::~consul_server() {
  stop();
  std::error_code ignored;
  fs::remove_all(home_, ignored);
}

void consul_server::stop() {
  if (pid_ == 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = 0;
}

consul_server& consul_server::shared() {
  static consul_server server;
  return server;
}

std::string consul_server::url() const {
  return "http://127.0.0.1:" + std::to_string(port_);
}

http::response consul_server::ask(const std::string& method, const std::string& path,
                                  const std::string& query, const std::string& body) const {
  http::request wanted;
  wanted.method = method;
  wanted.path = path;
  wanted.query = query;
  wanted.body = body;
  auto answer = http::send_blocking(url(), std::move(wanted), std::chrono::seconds{5});
  if (!answer) throw std::runtime_error(answer.error().message);
  return *std::move(answer);
}

namespace {

using shared_socket = std::shared_ptr<tcp::socket>;
using shared_counts = std::shared_ptr<tcp_proxy::counts>;

void count(tcp_proxy::counts& into, std::string_view bytes) {
  // A request's first line may come in two parts: what is counted is its end.
  const std::string text = into.tail + std::string(bytes);
  const std::string_view mark = " HTTP/1.1\r\n";
  std::size_t begin = 0;
  for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, begin)) {
    ++into.requests;
    if (std::string_view(text).substr(0, at).ends_with("PUT /v1/txn")) ++into.writes;
    begin = at + mark.size();
  }
  into.tail = text.substr(std::max(begin, text.size() - std::min<std::size_t>(text.size(), 30)));
}

std::string with_wrong_index(tcp_proxy::counts& now, std::string answer) {
  constexpr std::string_view header = "X-Consul-Index: ";
  const auto at = answer.find(header);
  if (now.wrong_indexes == 0 || at == std::string::npos) return answer;
  --now.wrong_indexes;
  const auto begin = at + header.size();
  return answer.replace(begin, answer.find('\r', begin) - begin, now.wrong_index);
}

task<> pump(shared_socket from, shared_socket to, shared_counts counts, bool to_server) {
  std::array<char, 65'536> bytes{};
  for (;;) {
    const auto [problem, size] = co_await from->async_read_some(asio::buffer(bytes), as_result);
    if (problem || (!to_server && counts->drop_answers)) break;
    if (to_server) count(*counts, {bytes.data(), size});
    std::string passed(bytes.data(), size);
    if (!to_server) passed = with_wrong_index(*counts, std::move(passed));
    if (!to_server && !counts->instead.empty()) passed = counts->instead;
    const auto [failed, sent] = co_await asio::async_write(*to, asio::buffer(passed), as_result);
    if (failed) break;
  }
  boost::system::error_code ignored;
  from->close(ignored);
  to->close(ignored);
}

task<> serve(tcp::acceptor from, std::uint16_t port, shared_counts counts) {
  for (;;) {
    auto [problem, client] = co_await from.async_accept(as_result);
    if (problem) co_return;
    const auto here = std::make_shared<tcp::socket>(std::move(client));
    const auto there = std::make_shared<tcp::socket>(here->get_executor());
    const tcp::endpoint server(asio::ip::address_v4::loopback(), port);
    const auto [failed] = co_await there->async_connect(server, as_result);
    if (failed) continue;
    there->set_option(tcp::no_delay(true));
    here->set_option(tcp::no_delay(true));
    asio::co_spawn(here->get_executor(), pump(here, there, counts, true), asio::detached);
    asio::co_spawn(here->get_executor(), pump(there, here, counts, false), asio::detached);
  }
}

}  // namespace

tcp_proxy::tcp_proxy(asio::io_context& loop, std::uint16_t port) {
  tcp::acceptor from(loop, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  own_port_ = from.local_endpoint().port();
  asio::co_spawn(loop, serve(std::move(from), port, counts_), asio::detached);
}

std::string tcp_proxy::url() const {
  return "http://127.0.0.1:" + std::to_string(own_port_);
}

}  // namespace peerage::contract
