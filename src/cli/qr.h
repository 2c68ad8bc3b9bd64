// A text as a QR code (ISO/IEC 18004) that a phone reads off the terminal: WireGuard's apps take a
// wg-quick file this way. Pure. errc::full when the text is too long for one code.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/secret.h"

namespace peerage::cli {

/// Rows of modules, all of one length; true is dark.
using qr_modules = std::vector<std::vector<bool>>;

result<qr_modules> qr_encode(std::string_view text);

/// The wg-quick file without its comments and empty lines: what a phone wants of it, and a smaller
/// code.
secret_text without_comments(std::string_view wg_quick);

/// Two rows of modules in each line, in UTF-8 half blocks, with the quiet zone that readers want.
/// The light modules are drawn: right on a dark terminal; with `colours`, on every one.
std::string qr_picture(const qr_modules& modules, bool colours);

/// In columns of a terminal.
std::size_t qr_width(const qr_modules& modules);

/// The files of an image, black on white, with the same quiet zone.
std::string qr_svg(const qr_modules& modules);
result<std::string> qr_png(const qr_modules& modules);

}  // namespace peerage::cli
