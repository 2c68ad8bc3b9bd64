// The daemon's config file and the command's. A refusal is one line that names the file.
#include "config/config.h"
#include "fuzz/fuzz.h"

namespace peerage {
namespace {

void refused_in_a_line(const error& why) {
  fuzz::hold(why.message.starts_with("a.toml"), "a refusal names the file");
  for (const char c : why.message) {
    fuzz::hold(static_cast<unsigned char>(c) >= 0x20, "a refusal is one line");
  }
}

}  // namespace
}  // namespace peerage

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace peerage;
  const auto text = fuzz::text_of(data, size);
  const auto daemon = parse_daemon_config(text, "a.toml", "gw-1");
  if (!daemon) {
    refused_in_a_line(daemon.error());
  } else {
    fuzz::hold(daemon->api || daemon->gateway, "a process has a role");
    fuzz::hold(daemon->store.prefix.ends_with('/'), "a prefix ends with a slash");
    fuzz::hold(!daemon->gateway || is_label(daemon->gateway->name.text()), "a gateway has a name");
  }
  const auto client = parse_client_config(text, "a.toml");
  if (!client) refused_in_a_line(client.error());
  return 0;
}
