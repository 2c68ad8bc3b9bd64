#include "bin/gateway_name.h"

#include "base/private_file.h"

namespace peerage {

result<std::string> settle_gateway_name(daemon_config& config, bool keep) {
  gateway_config& gateway = *config.gateway;
  const std::string file = config.state_dir + "/gateway-name";
  std::string kept, words;
  if (const auto text = read_private_file(file)) {
    kept = text->reveal();
  } else if (text.error().code != errc::not_found) {
    return std::unexpected(text.error());
  }
  if (!kept.empty() && kept != gateway.name.text()) {
    auto name = gateway_name::parse(kept);
    if (!name) return fail(errc::invalid, file + " must hold the gateway's name, a label");
    if (gateway.named) {
      words = gateway.name.text() + ", by the config; before it was " + kept +
              ", and peers that were made on that are not moved";
    } else {
      words = kept + ", as at the first start (" + file + "); after its host it would now be " +
              gateway.name.text();
      gateway.name = std::move(*name);
    }
  }
  if (keep && kept != gateway.name.text()) {
    if (auto written = write_private_file(file, gateway.name.text() + "\n"); !written) {
      return std::unexpected(std::move(written.error()));
    }
  }
  return words;
}

}  // namespace peerage
