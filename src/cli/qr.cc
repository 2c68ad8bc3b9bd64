#include "cli/qr.h"

#include <png.h>
#include <qrencode.h>

#include <algorithm>
#include <cstdint>
#include <memory>

namespace peerage::cli {
namespace {

constexpr std::size_t quiet = 4;   // the standard's own number
constexpr std::size_t pixels = 8;  // of a PNG, for each module

}  // namespace

secret_text without_comments(std::string_view wg_quick) {
  std::string out;
  out.reserve(wg_quick.size());  // a text that grows leaves copies of the key behind
  while (!wg_quick.empty()) {
    const auto end = std::min(wg_quick.find('\n'), wg_quick.size() - 1);
    const auto line = wg_quick.substr(0, end + 1);
    wg_quick.remove_prefix(end + 1);
    if (line != "\n" && !line.starts_with('#')) out += line;
  }
  return secret_text(std::move(out));
}

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

std::size_t qr_width(const qr_modules& modules) {
  return modules.size() + 2 * quiet;
}

std::string qr_svg(const qr_modules& modules) {
  const std::string width = std::to_string(qr_width(modules));
  std::string out = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + width + " " +
                    width + "\" shape-rendering=\"crispEdges\">\n<rect width=\"" + width +
                    "\" height=\"" + width + "\" fill=\"#fff\"/>\n<path d=\"";
  for (std::size_t y = 0; y < modules.size(); ++y) {
    for (std::size_t x = 0; x < modules.size(); ++x) {
      if (!modules[y][x]) continue;
      out += "M" + std::to_string(x + quiet) + " " + std::to_string(y + quiet) + "h1v1h-1z";
    }
  }
  return out + "\"/>\n</svg>\n";
}

result<std::string> qr_png(const qr_modules& modules) {
  const std::size_t width = qr_width(modules) * pixels;
  std::vector<std::uint8_t> rows(width * width, 0xff);
  for (std::size_t y = 0; y < modules.size() * pixels; ++y) {
    for (std::size_t x = 0; x < modules.size() * pixels; ++x) {
      const bool dark = modules[y / pixels][x / pixels];
      if (dark) rows[(y + quiet * pixels) * width + x + quiet * pixels] = 0;
    }
  }
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = image.height = static_cast<png_uint_32>(width);
  image.format = PNG_FORMAT_GRAY;
  std::string out(PNG_IMAGE_PNG_SIZE_MAX(image), '\0');
  png_alloc_size_t size = out.size();
  const int written =
      ::png_image_write_to_memory(&image, out.data(), &size, 0, rows.data(), 0, nullptr);
  ::png_image_free(&image);
  if (written == 0) return fail(errc::io, std::string("can't make a PNG: ") + image.message);
  out.resize(size);
  return out;
}

std::string qr_picture(const qr_modules& modules, bool colours) {
  const int edge = static_cast<int>(quiet);
  const int size = static_cast<int>(modules.size());
  const auto light = [&](int x, int y) {
    // Below the last row of an odd height there is nothing to draw.
    if (y >= size + edge) return false;
    if (x < 0 || y < 0 || x >= size || y >= size) return true;
    return !modules[static_cast<std::size_t>(y)][static_cast<std::size_t>(x)];
  };
  std::string out;
  for (int y = -edge; y < size + edge; y += 2) {
    if (colours) out += "\x1b[97;40m";
    for (int x = -edge; x < size + edge; ++x) {
      const bool upper = light(x, y), lower = light(x, y + 1);
      out += upper ? (lower ? "█" : "▀") : (lower ? "▄" : " ");
    }
    out += colours ? "\x1b[0m\n" : "\n";
  }
  return out;
}

}  // namespace peerage::cli
