// Changes for a userspace WireGuard: what is written reads as the same peers, and is as large as it
// was said to be at most.
#include "fuzz/device_changes.h"
#include "uapi/codec.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace peerage;
  fuzz::choices from(data, size);
  const std::size_t limit = 100 * (1 + from.of(200));
  const auto changes = fuzz::some_changes(from);

  const std::size_t fit = uapi::fitting(changes, limit);
  fuzz::hold(fit <= changes.size() && (fit > 0 || changes.empty()), "something fits");
  const auto first = uapi::encode_changes({changes.data(), fit});
  fuzz::hold(fit <= 1 || first.reveal().size() <= limit, "what fits is within the limit");

  // A set's lines are a dump's, but for the flags, which a reader passes over.
  const auto text = uapi::encode_changes(changes);
  std::string answer(text.reveal());
  fuzz::hold(answer.starts_with("set=1\n") && answer.ends_with("\n\n"), "it is one set");
  answer = answer.substr(6, answer.size() - 7) + "errno=0\n\n";
  const auto read = uapi::parse_answer(answer);
  fuzz::hold(read.has_value(), "what was written can be read");
  fuzz::hold(fuzz::same_peers(read->peers, fuzz::as_a_dump(changes, false)),
             "what was written reads as the same");

  const auto plan = uapi::fit_to_capacity(changes, {}, limit % 4);
  fuzz::hold(plan.changes.size() + plan.left_out <= changes.size(), "nothing is made up");
  return 0;
}
