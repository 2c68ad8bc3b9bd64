// What the command reads of the API's answers, hostile ones too: no file that it writes has a line
// which wg-quick obeys and nobody asked for, and nothing that it says commands a terminal.
#include <array>

#include "cli/answers.h"
#include "cli/output.h"
#include "cli/problem.h"
#include "cli/wg_quick.h"
#include "fuzz/fuzz.h"

namespace peerage {
namespace {

void wg_quick_file(const json::value& answer) {
  static const secret_key key =
      parse_secret_key("yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=").value();
  const auto file = cli::wg_quick_text(answer, key, key);
  if (!file) return;
  static constexpr std::array<std::string_view, 12> known{
      "[Interface]", "PrivateKey = ", "Address = ",    "DNS = ",
      "[Peer]",      "PublicKey = ",  "Endpoint = ",   "PresharedKey = ",
      "# ",          "AllowedIPs = ", "PersistentKee", ""};
  std::string_view text = file->reveal();
  std::size_t comments = 0;
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    comments += line.starts_with('#') ? 1U : 0U;
    const bool ours = std::any_of(known.begin(), known.end(), [line](std::string_view each) {
      return each.empty() ? line.empty() : line.starts_with(each);
    });
    fuzz::hold(ours, "every line is one of ours");
    for (const char c : line) fuzz::hold(c >= ' ' && c <= '~', "and is plain");
  }
  fuzz::hold(comments == 1, "there is one comment");
}

void said_to_a_person(std::string_view text) {
  const std::string safe = cli::terminal_safe(text);
  for (const char c : safe) {
    fuzz::hold(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f, "no control characters");
  }
  fuzz::hold(cli::terminal_safe(safe) == safe, "what is safe stays as it is");
}

}  // namespace
}  // namespace peerage

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace peerage;
  const auto text = fuzz::text_of(data, size);
  said_to_a_person(text);
  http::response answer;
  answer.body = text;
  for (const int status : {400, 401, 409, 429, 503, 504}) {
    answer.status = status;
    const auto refused = cli::refused_by_server(answer, {.what = "can't enrol ci-1"}, "");
    fuzz::hold(cli::terminal_safe(refused.message) == refused.message, "a message is safe");
  }
  const auto body = json::parse(text);
  if (!body) return 0;
  wg_quick_file(*body);
  (void)cli::joined(*body, "addresses");
  for (const auto& item : cli::items_of(*body)) {
    if (const auto time = cli::time_of(item, "created_at")) (void)cli::human_time(*time, {});
    if (const auto count = cli::count_of(item, "rx_bytes")) (void)cli::human_bytes(*count);
    (void)cli::truth_of(item, "live");
  }
  return 0;
}
