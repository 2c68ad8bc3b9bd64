// A gateway's mirror whose file somebody else wrote: whatever is in it, the gateway starts, with
// what it can read or with nothing, and can save.
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "fuzz/fuzz.h"
#include "sqlite/mirror.h"
#include "testing/samples.h"

namespace peerage {
namespace {

namespace fs = std::filesystem;

/// A folder of this process, in memory where there is such a place.
class folder {
 public:
  folder() {
    const fs::path memory = "/dev/shm";
    const fs::path parent = fs::exists(memory) ? memory : fs::temp_directory_path();
    std::string made = parent / "peerage-fuzz-XXXXXX";
    fuzz::hold(::mkdtemp(made.data()) != nullptr, "a folder can be made");
    path_ = made;
  }
  ~folder() { fs::remove_all(path_); }

  /// Empty but for the mirror's file.
  std::string holding(std::string_view bytes) const {
    for (const auto& each : fs::directory_iterator(path_)) fs::remove_all(each);
    const fs::path file = path_ / "mirror.db";
    std::ofstream(file, std::ios::binary) << bytes;
    return file;
  }

 private:
  fs::path path_;
};

void save_again(mirror& into) {
  const peer one = fakes::sample_peer("acme", "ci-1", 1);
  const mirror_head head{fakes::sample_gateway("gw-1"), epoch{"e"}, "here", revision{7}};
  const std::vector<stored_assignment> peers{{assignment_of(one, {}), revision{7}}};
  fuzz::hold(into.save(head, peers, {}).has_value(), "a mirror that was opened can be saved");
  const auto loaded = into.load();
  fuzz::hold(loaded && *loaded, "what was saved can be loaded");
  fuzz::hold((*loaded)->head.self == head.self, "and says whose it is");
}

}  // namespace
}  // namespace peerage

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace peerage;
  static const folder place;
  const auto opened = open_sqlite_mirror(place.holding(fuzz::text_of(data, size)));
  fuzz::hold(opened.has_value(), "no file keeps a gateway from starting");
  fuzz::hold((*opened)->load().has_value(), "what was opened can be loaded");
  save_again(**opened);
  return 0;
}
