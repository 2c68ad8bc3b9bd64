#include "nft/wall.h"

#include <nftables/libnftables.h>

#include <fstream>
#include <optional>
#include <sstream>
#include <string_view>
#include <utility>

#include "base/private_file.h"

namespace peerage::nft {
namespace {

/// What nft says begins with "Error: ", and shows the line that it is about.
std::string first_line(std::string_view said) {
  if (said.starts_with("Error: ")) said.remove_prefix(7);
  return std::string(said.substr(0, said.find('\n')));
}

errc code_of(std::string_view said) {
  if (said.contains("not permitted")) return errc::denied;
  if (said.contains("not supported") || said.contains("rotocol not available")) {
    return errc::unsupported;
  }
  return errc::io;
}

class nft_wall final : public wall {
 public:
  explicit nft_wall(wall_options options)
      : options_(std::move(options)), context_(nft_ctx_new(NFT_CTX_DEFAULT)) {
    if (!context_) return;
    nft_ctx_buffer_output(context_.get());
    nft_ctx_buffer_error(context_.get());
  }

  result<> arrange(const wall_plan& plan) override {
    if (built_ && plan == *built_) return {};
    if (!built_ && left_by_earlier_start(plan)) return {};
    const std::string text = built_ ? change(options_, *built_, plan) : build(options_, plan);
    if (!text.empty()) {
      const auto said = run(text);
      if (!said) {
        built_.reset();  // whatever is there, the next one begins anew
        return std::unexpected(said.error());
      }
    }
    built_ = plan;
    shown_.reset();
    auto seen = run("list table inet " + options_.table);
    if (!seen) return std::unexpected(seen.error());
    shown_ = *std::move(seen);
    note();
    return {};
  }

  result<bool> stands() override {
    if (!built_) return false;
    const auto seen = run("list table inet " + options_.table);
    const bool same = seen && shown_ && *seen == *shown_;
    if (!same) built_.reset();
    return same;
  }

  result<> remove() override {
    built_.reset();
    const auto said = run(demolish(options_));
    if (!said) return std::unexpected(said.error());
    return {};
  }

 private:
  struct freed {
    void operator()(nft_ctx* it) const { nft_ctx_free(it); }
  };

  /// What stands is as an earlier process of this gateway left it, and as it is wanted: then it is
  /// not built again. The kernel shows a new set's elements a moment after the rules that ask for
  /// them, and a packet in between is lost.
  bool left_by_earlier_start(const wall_plan& plan) {
    if (!options_.note_file.empty() && !refuse_symlink(options_.note_file)) return false;
    std::ifstream in(options_.note_file, std::ios::binary);
    std::ostringstream noted;
    if (options_.note_file.empty() || !in || !(noted << in.rdbuf())) return false;
    auto seen = run("list table inet " + options_.table);
    if (!seen || noted.str() != build(options_, plan) + *seen) return false;
    built_ = plan;
    shown_ = *std::move(seen);
    return true;
  }

  /// For the next start. Where it can't be written, that one builds anew.
  void note() const {
    if (options_.note_file.empty()) return;
    (void)write_private_file(options_.note_file, build(options_, *built_) + *shown_);
  }

  /// What it printed.
  result<std::string> run(const std::string& text) {
    if (!context_) return fail(errc::io, "libnftables can't be used");
    if (nft_run_cmd_from_buffer(context_.get(), text.c_str()) == 0) {
      return std::string(nft_ctx_get_output_buffer(context_.get()));
    }
    const std::string why = first_line(nft_ctx_get_error_buffer(context_.get()));
    return fail(code_of(why), "nftables table " + options_.table + ": " + why);
  }

  wall_options options_;
  // One for the whole life: its socket goes through select(), which ends a process where the number
  // of the descriptor is above 1,023.
  std::unique_ptr<nft_ctx, freed> context_;
  std::optional<wall_plan> built_;    // nothing: not known to stand
  std::optional<std::string> shown_;  // as it is listed then
};

}  // namespace

std::unique_ptr<wall> make_wall(wall_options options) {
  return std::make_unique<nft_wall>(std::move(options));
}

}  // namespace peerage::nft
