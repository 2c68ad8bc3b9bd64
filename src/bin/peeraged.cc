// The daemon's main: read the config, start, wait for a signal, stop.
#include <getopt.h>
#include <unistd.h>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "bin/backup.h"
#include "bin/check.h"
#include "bin/files.h"
#include "bin/host.h"
#include "bin/privileges.h"
#include "bin/remove.h"
#include "bin/service.h"
#include "config/reference.h"
#include "crypto/nkey.h"
#include "log/log.h"

namespace peerage {
namespace {

constexpr const char* help =
    R"(peeraged enrols WireGuard peers on this host's gateway and serves the HTTP API.

Usage: peeraged [--config FILE] [--check | --new-admin-token | --remove-gateway] [--log-level LEVEL]
       peeraged [--config FILE] --backup FILE | --restore FILE
       peeraged --new-nkey FILE
       peeraged --help-config[=markdown]

  --config FILE       the configuration (TOML); without it: both roles, with the defaults
  --check             read the configuration, try everything, say what is wrong, and exit; beside
                      the running daemon also which keys a restart would change
  --new-admin-token   make another admin token in the state_dir, and exit
  --remove-gateway    take the gateway's interface, with every peer, and its firewall off this
                      host; its daemon must have stopped
  --backup FILE       copy the database, beside the daemon, into a new file
  --restore FILE      put such a copy in the database's place; the daemon must have stopped
  --new-nkey FILE     make a key pair for NATS: the file is bus.nkey_file, what is printed goes
                      into the server's configuration
  --log-level LEVEL   debug, info (the default), warning or error
  --version           print the version
  --help              print this
  --help-config       print every key of the configuration, with its meaning, its values and its
                      default; =markdown: as docs/operator/configuration.md

The first start makes the database and an admin token: STATE_DIR/admin-token, which the command
`peerage` finds by itself. On SIGHUP it reads again every file that the configuration names: the
API's certificate and key, the credentials for Consul and NATS, the gateway's key. The gateway needs
root, or CAP_NET_ADMIN and /dev/net/tun. Started by root, it goes on as the user `peerage` (or the
config's `user`), where that one is there and can read what the config names.
)";

enum class job { serve, check, new_admin_token, remove_gateway, back_up, restore, new_nkey };

struct arguments {
  std::string config;
  job what = job::serve;
  std::string file = {};  // of a backup, or of a key to make
  std::string flag = {};  // that chose the job; empty: none did

  /// False where another flag has chosen one.
  bool choose(job wanted, std::string by, std::string with = {}) {
    const bool first = flag.empty() || flag == by;
    if (!first)
      std::fprintf(stderr, "peeraged: %s and %s: one at a time\n", flag.c_str(), by.c_str());
    what = wanted;
    flag = std::move(by);
    file = std::move(with);
    return first;
  }
};

int make_nkey(const std::string& file) {
  if (::access(file.c_str(), F_OK) == 0) {
    std::fprintf(stderr, "peeraged: %s is there already; a key in use is not written over\n",
                 file.c_str());
    return 1;
  }
  const nkey_user made = make_nkey_user();
  const secret_text lines(std::string(made.seed.reveal()) + "\n" + made.open + "\n");
  if (const auto written = write_private_file(file, lines.reveal()); !written) {
    std::fprintf(stderr, "peeraged: %s\n", written.error().message.c_str());
    return 1;
  }
  std::puts(made.open.c_str());
  return 0;
}

/// Returns the status to exit with.
int print_config_reference(const std::string& format) {
  if (!format.empty() && format != "markdown") {
    std::fputs("peeraged: --help-config prints text, --help-config=markdown prints Markdown\n",
               stderr);
    return 2;
  }
  const std::string text = format.empty() ? config_reference_text() : config_reference_markdown();
  std::fputs(text.c_str(), stdout);
  return 0;
}

/// The arguments, or the status to exit with.
std::expected<arguments, int> parse(int argc, char** argv) {
  static const option all[] = {{"config", required_argument, nullptr, 'c'},
                               {"check", no_argument, nullptr, 'k'},
                               {"new-admin-token", no_argument, nullptr, 't'},
                               {"remove-gateway", no_argument, nullptr, 'r'},
                               {"backup", required_argument, nullptr, 'b'},
                               {"restore", required_argument, nullptr, 'R'},
                               {"new-nkey", required_argument, nullptr, 'n'},
                               {"log-level", required_argument, nullptr, 'l'},
                               {"version", no_argument, nullptr, 'v'},
                               {"help", no_argument, nullptr, 'h'},
                               {"help-config", optional_argument, nullptr, 'C'},
                               {nullptr, 0, nullptr, 0}};
  arguments made;
  bool fits = true;
  for (int flag = 0; (flag = getopt_long(argc, argv, "h", all, nullptr)) != -1;) {
    const std::string value = optarg == nullptr ? "" : optarg;
    if (optarg != nullptr && value.empty()) {
      std::fputs("peeraged: an option's value is empty: each needs one. Try `peeraged --help`.\n",
                 stderr);
      return std::unexpected(2);
    }
    switch (flag) {
      case 'c': made.config = value; break;
      case 'k': fits = made.choose(job::check, "--check"); break;
      case 't': fits = made.choose(job::new_admin_token, "--new-admin-token"); break;
      case 'r': fits = made.choose(job::remove_gateway, "--remove-gateway"); break;
      case 'b': fits = made.choose(job::back_up, "--backup", value); break;
      case 'R': fits = made.choose(job::restore, "--restore", value); break;
      case 'n': fits = made.choose(job::new_nkey, "--new-nkey", value); break;
      case 'v': std::puts("peeraged " PEERAGE_VERSION); return std::unexpected(0);
      case 'h': std::fputs(help, stdout); return std::unexpected(0);
      case 'C': return std::unexpected(print_config_reference(value));
      case 'l':
        if (value == "debug")
          log::set_level(log::level::debug);
        else if (value == "info")
          log::set_level(log::level::info);
        else if (value == "warning")
          log::set_level(log::level::warning);
        else if (value == "error")
          log::set_level(log::level::error);
        else {
          std::fputs("peeraged: --log-level is debug, info, warning or error\n", stderr);
          return std::unexpected(2);
        }
        break;
      default: std::fputs("Try `peeraged --help`.\n", stderr); return std::unexpected(2);
    }
    if (!fits) return std::unexpected(2);
  }
  if (optind < argc) {
    std::fprintf(stderr, "peeraged: what is \"%s\"? Try `peeraged --help`.\n", argv[optind]);
    return std::unexpected(2);
  }
  return made;
}

result<daemon_config> read_config(const std::string& file) {
  if (file.empty()) return default_daemon_config(host_name());
  std::ifstream in(file);
  std::ostringstream text;
  std::error_code ignored;
  const bool folder = std::filesystem::is_directory(file, ignored);
  if (folder || !in || (in.peek() != EOF && !(text << in.rdbuf()))) {
    return fail(errc::io, file + " can't be read; is it the path of a file?");
  }
  return parse_daemon_config(text.str(), file, host_name());
}

/// On every SIGHUP, for ever.
task<> reload_when_told(asio::signal_set& hangups, service& whole) {
  for (;;) {
    co_await hangups.async_wait(asio::use_awaitable);
    whole.reload();
  }
}

/// Until a signal comes, or it can't go on.
task<result<>> serve(asio::any_io_executor loop, daemon_config config) {
  using namespace asio::experimental::awaitable_operators;
  service whole(loop, std::move(config));
  asio::signal_set signals(loop, SIGTERM, SIGINT);
  asio::signal_set hangups(loop, SIGHUP);
  auto started = co_await whole.start();
  if (started) {
    auto ended = co_await (signals.async_wait(asio::use_awaitable) || whole.failed() ||
                           reload_when_told(hangups, whole));
    if (ended.index() == 0) {
      log::info("stopping", {{"signal", std::get<0>(ended) == SIGTERM ? "SIGTERM" : "SIGINT"}});
    } else {
      started = std::unexpected(std::get<1>(std::move(ended)));
    }
  }
  co_await whole.stop();
  if (started) log::info("stopped, the device keeps its peers");
  co_return started;
}

task<result<>> make_token(asio::any_io_executor loop, daemon_config config) {
  service whole(loop, std::move(config));
  auto made = co_await whole.new_admin_token();
  co_await whole.stop();
  co_return made;
}

/// `told`: what was found while it was root.
task<result<>> doing(job what, asio::any_io_executor loop, daemon_config config, std::string told) {
  switch (what) {
    case job::check: return check_daemon(loop, std::move(config), std::move(told));
    case job::new_admin_token: return make_token(loop, std::move(config));
    case job::remove_gateway:
    case job::back_up:
    case job::restore:
    case job::new_nkey:
    case job::serve: break;
  }
  return serve(loop, std::move(config));
}

/// The jobs that need no loop.
std::optional<result<>> do_at_once(const arguments& wanted, const daemon_config& config) {
  switch (wanted.what) {
    case job::remove_gateway: return remove_gateway(config);
    case job::back_up: return back_up(config, wanted.file);
    case job::restore: return restore(config, wanted.file);
    default: return {};
  }
}

/// What has to be done while there is no other thread, and perhaps root's rights.
result<> prepare(job what, const daemon_config& config) {
  if (what == job::new_admin_token || what == job::check) return act_as_owner(config);
  if (what != job::serve) return {};
  const auto user = find_user(config);
  if (auto claimed = claim_state_dir(config.state_dir, user ? user->id : 0); !claimed) {
    return claimed;
  }
  return drop_privileges(config);
}

int run(const arguments& wanted) {
  if (wanted.what == job::new_nkey) return make_nkey(wanted.file);
  auto config = read_config(wanted.config);
  if (!config) {
    std::fprintf(stderr, "peeraged: %s\n", config.error().message.c_str());
    return 1;
  }
  if (auto may = may_enter(config->state_dir); !may) {
    std::fprintf(stderr, "peeraged: %s\n", may.error().message.c_str());
    return 1;
  }
  if (const auto done = do_at_once(wanted, *config)) {
    if (!*done) std::fprintf(stderr, "peeraged: %s\n", done->error().message.c_str());
    return *done ? 0 : 1;
  }
  std::string told = wanted.what == job::check ? standing(*config) : "";
  if (auto ready = prepare(wanted.what, *config); !ready) {
    std::fprintf(stderr, "peeraged: %s\n", ready.error().message.c_str());
    return 1;
  }
  asio::io_context loop{1};
  result<> ended;
  asio::co_spawn(loop, doing(wanted.what, loop.get_executor(), *std::move(config), std::move(told)),
                 [&](std::exception_ptr thrown, result<> how) {
                   if (thrown) std::rethrow_exception(thrown);
                   ended = std::move(how);
                 });
  loop.run();
  if (ended) return 0;
  std::fprintf(stderr, "peeraged: %s\n", ended.error().message.c_str());
  return 1;
}

}  // namespace
}  // namespace peerage

int main(int argc, char** argv) {
  peerage::prepare_process();
  const auto wanted = peerage::parse(argc, argv);
  return wanted ? peerage::run(*wanted) : wanted.error();
}
