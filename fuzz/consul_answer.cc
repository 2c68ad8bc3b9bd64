// Consul's answers, and the records in them.
#include "consul/change.h"
#include "fuzz/fuzz.h"

namespace peerage {
namespace {

void records(const std::vector<consul::entry>& entries) {
  const consul::key_space keys{"peerage/v1/"};
  const std::vector<record_key> kinds{network_name{}, gateway_name{}, peer_id{}, token_id{},
                                      mark_name{}};
  for (const consul::entry& each : entries) {
    (void)consul::closing(each);
    const revision at = consul::revision_of(each);
    fuzz::hold(at.number <= consul::last_revision_of(each.index).number, "a revision of its index");
    (void)consul::key_space::id_at_end(each.key);
    for (const record_key& kind : kinds) {
      const auto read = consul::read_record(keys, kind, each);
      if (!read) continue;
      consul::entry again = each;
      again.value = consul::write_record(*read);
      const auto twice = consul::read_record(keys, kind, again);
      fuzz::hold(twice && *twice == *read, "a record that was written reads as the same");
    }
  }
}

}  // namespace
}  // namespace peerage

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace peerage;
  const auto body = fuzz::text_of(data, size);
  if (const auto answer = consul::read_txn(body)) records(answer->results);
  if (const auto entries = consul::read_entries(body)) records(*entries);
  if (const auto keys = consul::read_keys(body)) {
    for (const auto& key : *keys) {
      const auto id = consul::key_space::id_at_end(key);
      if (id) fuzz::hold(key.ends_with(id->network.text() + "/" + id->name.text()), "an id at end");
    }
  }
  for (const int status : {400, 403, 429, 500, 503}) {
    const auto why = consul::error_of(status, body, size % 2 == 0);
    fuzz::hold(why.message.size() < 300, "what Consul says is cut");
  }
  return 0;
}
