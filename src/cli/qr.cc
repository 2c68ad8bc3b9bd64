#include "cli/qr.h"

#include <qrencode.h>

#include <memory>

namespace peerage::cli {

result<qr_modules> qr_encode(std::string_view text) {
  const std::unique_ptr<QRcode, decltype(&QRcode_free)> code(
      QRcode_encodeData(static_cast<int>(text.size()),
                        reinterpret_cast<const unsigned char*>(text.data()), 0, QR_ECLEVEL_L),
      &QRcode_free);
  if (!code) return fail(errc::full, "the text is too long for a QR code");
  const auto width = static_cast<std::size_t>(code->width);
  qr_modules modules(width, std::vector<bool>(width));
  for (std::size_t y = 0; y < width; ++y)
    for (std::size_t x = 0; x < width; ++x) modules[y][x] = (code->data[y * width + x] & 1U) != 0;
  return modules;
}

std::string qr_picture(const qr_modules& modules, bool colours) {
  constexpr int quiet = 4;  // the standard's own number
  const int size = static_cast<int>(modules.size());
  const auto light = [&](int x, int y) {
    // Below the last row of an odd height there is nothing to draw.
    if (y >= size + quiet) return false;
    if (x < 0 || y < 0 || x >= size || y >= size) return true;
    return !modules[static_cast<std::size_t>(y)][static_cast<std::size_t>(x)];
  };
  std::string out;
  for (int y = -quiet; y < size + quiet; y += 2) {
    if (colours) out += "\x1b[97;40m";
    for (int x = -quiet; x < size + quiet; ++x) {
      const bool upper = light(x, y), lower = light(x, y + 1);
      out += upper ? (lower ? "█" : "▀") : (lower ? "▄" : " ");
    }
    out += colours ? "\x1b[0m\n" : "\n";
  }
  return out;
}

}  // namespace peerage::cli
