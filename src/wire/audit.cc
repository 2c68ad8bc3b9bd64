#include "wire/audit.h"

#include <utility>

#include "wire/members.h"

namespace peerage::wire {
namespace {

result<deed> parse_deed(std::string_view text) {
  if (const auto known = deed_named(text)) return *known;
  return fail(errc::invalid, "is no deed");
}

constexpr std::int64_t most_more = std::int64_t{1} << 53;

/// The members that are plain text, in the order in which they are written.
struct plain_member {
  std::string_view name;
  std::string audit_entry::* text;
};
constexpr plain_member plain_members[] = {
    {"process", &audit_entry::process},
    {"remote", &audit_entry::remote},
    {"call", &audit_entry::call},
    {"network", &audit_entry::network},
    {"peer", &audit_entry::peer},
    {"gateway", &audit_entry::gateway},
    {"made_token", &audit_entry::made_token},
    {"public_key", &audit_entry::public_key},
};

}  // namespace

std::string write(const audit_entry& from) {
  json::object made;
  made["at"] = to_rfc3339(from.at);
  made["token"] = from.token.text();
  made["did"] = name_of(from.did);
  made["status"] = from.status;
  for (const plain_member& each : plain_members) {
    const std::string& text = from.*each.text;
    if (!text.empty()) made[each.name] = text;
  }
  if (from.more > 0) made["more"] = from.more;
  return json::serialize(made);
}

result<audit_entry> read_audit_entry(std::string_view line) {
  auto object = object_in(line);
  if (!object) return std::unexpected(object.error());
  json::fields in(*object);
  audit_entry made;
  made.at = in.required<wall_time>("at", parse_time);
  made.token = in.required<token_id>("token", token_id::parse);
  made.did = in.required<deed>("did", parse_deed);
  made.status = static_cast<int>(required_count(in, "status", 599));
  for (const plain_member& each : plain_members) {
    made.*each.text = in.text(each.name).value_or("");
  }
  if (object->contains("more")) made.more = required_count(in, "more", most_more);
  if (auto good = finish(in); !good) return std::unexpected(good.error());
  return made;
}

}  // namespace peerage::wire
