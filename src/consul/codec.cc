#include "consul/codec.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/base64.h"
#include "json/json.h"

namespace peerage::consul {
namespace {

constexpr std::uint64_t slots = 64;

std::string_view name_of(verb what) {
  // In the order of `verb`.
  static constexpr std::array<std::string_view, 8> names{
      "set",         "cas",         "delete",           "delete-cas",
      "delete-tree", "check-index", "check-not-exists", "get"};
  return names.at(static_cast<std::size_t>(what));
}

std::unexpected<error> not_consul(std::string_view what) {
  return fail(errc::corrupt, "Consul's answer has no " + std::string(what));
}

std::optional<std::uint64_t> number_in(const json::object& from, std::string_view name) {
  const auto* found = from.if_contains(name);
  if (found == nullptr) return {};
  boost::system::error_code wrong;
  const auto number = found->to_number<std::uint64_t>(wrong);
  if (wrong) return {};
  return number;
}

std::optional<std::string> text_in(const json::object& from, std::string_view name) {
  const auto* found = from.if_contains(name);
  if (found == nullptr || !found->is_string()) return {};
  return std::string(found->get_string());
}

std::optional<std::string> decoded(std::string_view base64) {
  const auto padding = static_cast<std::size_t>(std::count(
      base64.end() - std::min<std::ptrdiff_t>(2, std::ssize(base64)), base64.end(), '='));
  std::string made(base64.size() / 4 * 3 - std::min(padding, base64.size() / 4 * 3), '\0');
  const std::span<std::uint8_t> bytes(reinterpret_cast<std::uint8_t*>(made.data()), made.size());
  if (!base64_decode(base64, bytes)) return {};
  return made;
}

result<entry> read_entry(const json::value& from) {
  const auto* object = from.if_object();
  if (object == nullptr) return not_consul("object where a key's is expected");
  auto key = text_in(*object, "Key");
  const auto flags = number_in(*object, "Flags");
  const auto index = number_in(*object, "ModifyIndex");
  if (!key || !flags || !index) return not_consul("Key, Flags or ModifyIndex");
  entry made{std::move(*key), {}, *flags, *index};
  const auto* value = object->if_contains("Value");
  if (value == nullptr || value->is_null()) return made;
  auto bytes = value->is_string() ? decoded(value->get_string()) : std::nullopt;
  if (!bytes) return not_consul("base64 in the value of " + made.key);
  made.value = std::move(*bytes);
  return made;
}

result<json::value> parsed(std::string_view body) {
  auto made = json::parse(body);
  if (!made) return fail(errc::corrupt, "Consul's answer is no JSON: " + made.error().message);
  return made;
}

}  // namespace

// Written as text: every creation waits for it.
std::string write_txn(std::span<const operation> operations) {
  std::string all = "[";
  for (const operation& each : operations) {
    all += all.size() == 1 ? R"({"KV":{"Verb":")" : R"(,{"KV":{"Verb":")";
    all.append(name_of(each.what)).append(R"(","Key":)");
    json::append_text(all, each.key);
    if (each.what == verb::set || each.what == verb::cas) {
      const auto* bytes = reinterpret_cast<const std::uint8_t*>(each.value.data());
      all.append(R"(,"Value":")").append(base64_encode({bytes, each.value.size()}));
      all.append(R"(","Flags":)").append(std::to_string(each.flags));
    }
    const bool indexed =
        each.what == verb::cas || each.what == verb::remove_cas || each.what == verb::check_index;
    if (indexed) all.append(R"(,"Index":)").append(std::to_string(each.index));
    all += "}}";
  }
  return all += "]";
}

result<txn_answer> read_txn(std::string_view body) {
  const auto read = parsed(body);
  if (!read) return std::unexpected(read.error());
  const auto* object = read->if_object();
  if (object == nullptr) return not_consul("object");
  txn_answer made;
  if (const auto* results = object->if_contains("Results"); results && results->is_array()) {
    for (const auto& each : results->get_array()) {
      const auto* wrapped = each.if_object();
      const auto* inner = wrapped ? wrapped->if_contains("KV") : nullptr;
      if (inner == nullptr) return not_consul("KV in a result");
      auto one = read_entry(*inner);
      if (!one) return std::unexpected(one.error());
      made.results.push_back(std::move(*one));
    }
  }
  if (const auto* errors = object->if_contains("Errors"); errors && errors->is_array()) {
    for (const auto& each : errors->get_array()) {
      const auto* one = each.if_object();
      const auto place = one ? number_in(*one, "OpIndex") : std::nullopt;
      if (!place) return not_consul("OpIndex in an error");
      made.refusals.push_back({*place, text_in(*one, "What").value_or("")});
    }
  }
  const bool told = object->if_contains("Results") || object->if_contains("Errors");
  if (!told) return not_consul("Results and no Errors");
  return made;
}

result<std::vector<entry>> read_entries(std::string_view body) {
  const auto read = parsed(body);
  if (!read) return std::unexpected(read.error());
  if (!read->is_array()) return not_consul("array");
  std::vector<entry> made;
  for (const auto& each : read->get_array()) {
    auto one = read_entry(each);
    if (!one) return std::unexpected(one.error());
    made.push_back(std::move(*one));
  }
  return made;
}

result<std::vector<std::string>> read_keys(std::string_view body) {
  const auto read = parsed(body);
  if (!read) return std::unexpected(read.error());
  if (!read->is_array()) return not_consul("array");
  std::vector<std::string> made;
  for (const auto& each : read->get_array()) {
    if (!each.is_string()) return not_consul("text where a key is expected");
    made.emplace_back(each.get_string());
  }
  return made;
}

error denied() {
  return {errc::denied,
          "Consul refuses this token; it needs the policy of its role, as in packaging/consul",
          {}};
}

error error_of(int status, std::string_view body, bool writing) {
  // What Consul says when a request was never handed to Raft.
  static constexpr std::array<std::string_view, 4> not_begun = {
      "No cluster leader", "No known Consul servers", "timed out enqueuing operation",
      "No path to datacenter"};
  if (status == 403 || body.contains("Permission denied")) return denied();
  const std::string said = "Consul answered " + std::to_string(status) + ": " +
                           std::string(body.substr(0, std::min<std::size_t>(body.size(), 200)));
  const bool busy = status == 429 || status == 503;
  const bool safe =
      std::ranges::any_of(not_begun, [&](std::string_view each) { return body.contains(each); });
  if (busy || (status >= 500 && (!writing || safe))) return {errc::unavailable, said, {}};
  if (status >= 500) return {errc::outcome_unknown, said, {}};
  return {errc::corrupt, said, {}};
}

std::uint64_t write_flags(const write_mark& from) {
  return (from.nonce * slots + from.slot % slots) * 2 + (from.closing ? 1 : 0);
}

bool closing(const entry& of) {
  return of.flags % 2 == 1;
}

revision revision_of(std::uint64_t index, std::uint64_t slot) {
  return revision{index * slots + slot};
}

revision revision_of(const entry& from) {
  return revision_of(from.index, from.flags / 2 % slots);
}

revision last_revision_of(std::uint64_t index) {
  return revision_of(index, slots - 1);
}

std::uint64_t index_of(revision from) {
  return from.number / slots;
}

}  // namespace peerage::consul
