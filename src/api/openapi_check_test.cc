#include "api/openapi_check.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <regex>
#include <stdexcept>

#include "api/api.h"
#include "api/routes.h"
#include "base/time.h"
#include "json/fields.h"

namespace peerage {
namespace {

std::string text_of(const json::value& from) {
  const auto* text = from.if_string();
  return text ? std::string(text->data(), text->size()) : json::serialize(from);
}

const json::value* find(const json::value& in, std::string_view name) {
  const json::object* object = in.if_object();
  return object ? object->if_contains({name.data(), name.size()}) : nullptr;
}

const json::value& inside(const json::value& in, std::string_view name) {
  static const json::value nothing;
  const json::value* found = find(in, name);
  return found ? *found : nothing;
}

std::vector<std::string> split(std::string_view text, char at) {
  std::vector<std::string> parts;
  for (std::size_t end; (end = text.find(at)) != std::string_view::npos;) {
    parts.emplace_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  parts.emplace_back(text);
  return parts;
}

bool fits(const std::string& pattern, const std::string& path) {
  const auto wanted = split(pattern, '/'), given = split(path, '/');
  if (wanted.size() != given.size()) return false;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const bool any = wanted[i].starts_with('{') && !given[i].empty();
    if (!any && wanted[i] != given[i]) return false;
  }
  return true;
}

std::string lower(std::string_view method) {
  std::string made(method == "HEAD" ? "GET" : method);
  std::transform(made.begin(), made.end(), made.begin(), [](char c) {
    return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  });
  return made;
}

std::string type_of(const json::value& what) {
  if (what.is_null()) return "null";
  if (what.is_bool()) return "boolean";
  if (what.is_string()) return "string";
  if (what.is_array()) return "array";
  if (what.is_object()) return "object";
  return json::whole_number(what) || what.is_uint64() ? "integer" : "number";
}

bool is_type(const std::string& wanted, const json::value& what) {
  const std::string type = type_of(what);
  return type == wanted || (wanted == "number" && type == "integer");
}

std::size_t characters(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

const std::set<std::string, std::less<>> methods = {"get", "put", "post", "delete"};
const std::set<std::string, std::less<>> annotations = {"description", "title", "default"};
const std::set<std::string, std::less<>> keywords = {
    "$ref",     "type",    "properties", "required",  "additionalProperties",
    "items",    "enum",    "const",      "pattern",   "format",
    "minimum",  "maximum", "minLength",  "maxLength", "minItems",
    "maxItems", "oneOf",   "anyOf",      "allOf"};

const std::regex& compiled(const std::string& pattern) {
  static std::map<std::string, std::regex> all;
  const auto known = all.find(pattern);
  return known != all.end() ? known->second : all.emplace(pattern, pattern).first->second;
}

}  // namespace

openapi_check::openapi_check(std::string_view document) {
  auto parsed = json::parse(document, 64);
  if (!parsed || !parsed->is_object()) throw std::runtime_error("the document is no JSON object");
  document_ = *std::move(parsed);
}

std::set<std::string> openapi_check::calls() const {
  std::set<std::string> all;
  for (const auto& [pattern, item] : inside(document_, "paths").as_object()) {
    for (const auto& [method, call] : item.as_object()) {
      std::string name(method);
      if (!methods.contains(name)) continue;
      for (char& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
      all.insert(name + " " + std::string(pattern));
    }
  }
  return all;
}

const json::value& openapi_check::follow(const json::value& from) const {
  const json::value* ref = find(from, "$ref");
  if (ref == nullptr) return from;
  const json::value* at = &document_;
  const auto steps = split(text_of(*ref), '/');
  for (std::size_t i = 1; i < steps.size(); ++i) {
    at = find(*at, steps[i]);
    if (at == nullptr) throw std::runtime_error(text_of(*ref) + " leads nowhere");
  }
  return follow(*at);
}

const json::object* openapi_check::path_item(std::string_view path) const {
  for (const auto& [pattern, item] : inside(document_, "paths").as_object()) {
    if (fits(std::string(pattern), std::string(path))) return &item.as_object();
  }
  return nullptr;
}

void openapi_check::hold(const json::value& schema, const json::value& what, const std::string& at,
                         faults& found) const {
  if (find(schema, "$ref")) hold(follow(schema), what, at, found);
  const json::object& rules = schema.as_object();
  if (const auto* type = rules.if_contains("type")) {
    bool good = false;
    if (type->is_string()) good = is_type(text_of(*type), what);
    if (const auto* several = type->if_array()) {
      good = std::any_of(several->begin(), several->end(),
                         [&](const json::value& each) { return is_type(text_of(each), what); });
    }
    if (!good) return found.push_back(at + ": is " + type_of(what) + ", not " + text_of(*type));
  }
  if (const auto* one = rules.if_contains("const"); one && *one != what) {
    found.push_back(at + ": is " + json::serialize(what) + ", not " + json::serialize(*one));
  }
  if (const auto* some = rules.if_contains("enum")) {
    const auto& all = some->as_array();
    if (std::find(all.begin(), all.end(), what) == all.end())
      found.push_back(at + ": " + json::serialize(what) + " is not one of the list");
  }
  if (what.is_string()) hold_text(rules, what, at, found);
  if (what.is_number()) hold_number(rules, what, at, found);
  if (what.is_array()) hold_array(rules, what, at, found);
  if (what.is_object()) hold_object(rules, what, at, found);
  hold_choices(rules, what, at, found);
}

void openapi_check::hold_text(const json::object& schema, const json::value& what,
                              const std::string& at, faults& found) const {
  const std::string text = text_of(what);
  const std::size_t size = characters(text);
  const auto* least = schema.if_contains("minLength");
  const auto* most = schema.if_contains("maxLength");
  if (least && size < least->to_number<std::size_t>()) found.push_back(at + ": is too short");
  if (most && size > most->to_number<std::size_t>()) return found.push_back(at + ": is too long");
  const auto* pattern = schema.if_contains("pattern");
  if (pattern && !std::regex_search(text, compiled(text_of(*pattern))))
    found.push_back(at + ": \"" + text + "\" does not match " + text_of(*pattern));
  // "date-time" is the only format; own_faults() says so of any other.
  if (schema.contains("format") && !from_rfc3339(text))
    found.push_back(at + ": \"" + text + "\" is no date-time");
}

void openapi_check::hold_number(const json::object& schema, const json::value& what,
                                const std::string& at, faults& found) const {
  const auto value = what.to_number<double>();
  const auto* least = schema.if_contains("minimum");
  const auto* most = schema.if_contains("maximum");
  if (least && value < least->to_number<double>()) found.push_back(at + ": is too small");
  if (most && value > most->to_number<double>()) found.push_back(at + ": is too great");
}

void openapi_check::hold_array(const json::object& schema, const json::value& what,
                               const std::string& at, faults& found) const {
  const json::array& all = what.get_array();
  const auto* least = schema.if_contains("minItems");
  const auto* most = schema.if_contains("maxItems");
  if (least && all.size() < least->to_number<std::size_t>()) found.push_back(at + ": has too few");
  if (most && all.size() > most->to_number<std::size_t>()) found.push_back(at + ": has too many");
  const auto* items = schema.if_contains("items");
  for (std::size_t i = 0; items && i < all.size(); ++i)
    hold(*items, all[i], at + "[" + std::to_string(i) + "]", found);
}

void openapi_check::hold_object(const json::object& schema, const json::value& what,
                                const std::string& at, faults& found) const {
  const json::object& object = what.get_object();
  if (const auto* required = schema.if_contains("required")) {
    for (const json::value& name : required->as_array())
      if (!object.contains(name.as_string())) found.push_back(at + ": lacks " + text_of(name));
  }
  const auto* properties = schema.if_contains("properties");
  const auto* others = schema.if_contains("additionalProperties");
  for (const auto& [name, value] : object) {
    const json::value* rule = properties ? properties->as_object().if_contains(name) : nullptr;
    if (rule != nullptr) {
      hold(*rule, value, at + "." + std::string(name), found);
    } else if (others && others->is_bool() && !others->get_bool()) {
      found.push_back(at + ": may not have " + std::string(name));
    } else if (others && others->is_object()) {
      hold(*others, value, at + "." + std::string(name), found);
    }
  }
}

void openapi_check::hold_choices(const json::object& schema, const json::value& what,
                                 const std::string& at, faults& found) const {
  for (const char* keyword : {"oneOf", "anyOf", "allOf"}) {
    const auto* choices = schema.if_contains(keyword);
    if (choices == nullptr) continue;
    faults all;
    std::size_t good = 0;
    for (const json::value& each : choices->as_array()) {
      faults these;
      hold(each, what, at, these);
      good += these.empty() ? 1 : 0;
      all.insert(all.end(), these.begin(), these.end());
    }
    const std::string_view kind(keyword);
    const bool fine = kind == "oneOf"   ? good == 1
                      : kind == "anyOf" ? good > 0
                                        : good == choices->as_array().size();
    if (!fine) {
      found.push_back(at + ": fits " + std::to_string(good) + " of " + keyword);
      found.insert(found.end(), all.begin(), all.end());
    }
  }
}

openapi_check::faults openapi_check::schema_faults(std::string_view schema,
                                                   const json::value& what) const {
  faults found;
  const json::value& all = inside(inside(document_, "components"), "schemas");
  hold(inside(all, schema), what, std::string(schema), found);
  return found;
}

openapi_check::faults openapi_check::body_faults(std::string_view method, std::string_view path,
                                                 const json::value& body) const {
  const json::object* item = path_item(path);
  if (item == nullptr) return {"there is no such call"};
  const auto* call = item->if_contains(lower(method));
  if (call == nullptr) return {"there is no such method"};
  const json::value& content = inside(inside(*call, "requestBody"), "content");
  const json::value* schema = find(inside(content, "application/json"), "schema");
  if (schema == nullptr) return {"the call takes no body"};
  faults found;
  hold(*schema, body, "body", found);
  return found;
}

void openapi_check::hold_response(const json::object& response, const http::response& answer,
                                  faults& found) const {
  std::set<std::string, std::less<>> documented = {"content-type", "cache-control"};
  if (const auto* headers = response.if_contains("headers")) {
    for (const auto& [name, reference] : headers->as_object()) {
      const json::value& header = follow(reference);
      const std::string value(answer.header(std::string_view(name.data(), name.size())));
      documented.insert(lower(std::string(name)));
      const bool needed = find(header, "required") && inside(header, "required") == true;
      if (value.empty() && needed) found.push_back("lacks the header " + std::string(name));
      if (!value.empty()) hold(inside(header, "schema"), json::value(value), name, found);
    }
  }
  for (const auto& [name, value] : answer.headers)
    if (!documented.contains(lower(name))) found.push_back("has an undocumented header " + name);
  const auto* content = response.if_contains("content");
  if (content == nullptr) {
    if (!answer.body.empty()) found.push_back("has a body, and should have none");
    return;
  }
  const std::string type(answer.header("Content-Type"));
  const std::string media = type.substr(0, type.find(';'));
  const json::value* known = find(*content, media);
  if (known == nullptr) return found.push_back("has a body of media type " + type);
  if (media == "text/plain" || media == "text/event-stream") return;  // which has no end
  const auto body = json::parse(answer.body, 64);
  if (!body) return found.push_back("has a body that " + body.error().message);
  hold(inside(*known, "schema"), *body, "answer", found);
}

openapi_check::faults openapi_check::answer_faults(std::string_view method, std::string_view path,
                                                   const http::response& answer) const {
  faults found;
  if (path == "*") return found;  // no call
  const json::object* item = path_item(path);
  const json::value* call = item ? item->if_contains(lower(method)) : nullptr;
  if (call == nullptr) {
    http::response rest = answer;
    std::erase_if(rest.headers, [](const auto& each) { return each.first == "Allow"; });
    const bool wrong_method = item != nullptr && answer.status == 405;
    const bool no_path = item == nullptr && (answer.status == 404 || answer.status == 400);
    if (!wrong_method && !no_path) found.push_back("no such call, and it was answered");
    if (wrong_method && answer.header("Allow").empty()) found.push_back("lacks Allow");
    const json::value& all = inside(inside(document_, "components"), "responses");
    hold_response(inside(all, "NotFound").as_object(), rest, found);
    return found;
  }
  const std::string status = std::to_string(answer.status);
  const json::value* response = find(inside(*call, "responses"), status);
  if (response == nullptr) return {"status " + status + " is not documented"};
  hold_response(follow(*response).as_object(), answer, found);
  return found;
}

void openapi_check::check_schema(const json::value& schema, const std::string& at,
                                 faults& found) const {
  if (!schema.is_object()) return found.push_back(at + ": is no schema");
  for (const auto& [name, value] : schema.get_object()) {
    if (annotations.contains(name)) continue;
    if (!keywords.contains(name)) found.push_back(at + ": unknown keyword " + std::string(name));
    if (name == "format" && value != "date-time") found.push_back(at + ": unknown format");
    const std::string inner = at + "/" + std::string(name);
    if (name == "items") check_schema(value, inner, found);
    if (name == "additionalProperties" && !value.is_bool()) check_schema(value, inner, found);
    if (name == "properties") {
      for (const auto& [key, each] : value.as_object())
        check_schema(each, inner + "/" + std::string(key), found);
    }
    if (name == "oneOf" || name == "anyOf" || name == "allOf") {
      for (const json::value& each : value.as_array()) check_schema(each, inner, found);
    }
  }
}

/// Everywhere: references lead somewhere, and what is under "schema" is a schema.
void openapi_check::check_references(const json::value& in, const std::string& at,
                                     faults& found) const {
  if (const auto* array = in.if_array()) {
    for (const json::value& each : *array) check_references(each, at, found);
  }
  const json::object* object = in.if_object();
  if (object == nullptr) return;
  for (const auto& [name, value] : *object) {
    const std::string inner = at + "/" + std::string(name);
    if (name == "schema") check_schema(value, inner, found);
    if (name == "$ref") try {
        follow(in);
      } catch (const std::exception& lost) {
        found.push_back(at + ": " + lost.what());
      }
    check_references(value, inner, found);
  }
}

void openapi_check::check_calls(faults& found) const {
  for (const auto& [pattern, item] : inside(document_, "paths").as_object()) {
    std::set<std::string> captures, parameters;
    for (const std::string& part : split(std::string(pattern), '/'))
      if (part.starts_with('{')) captures.insert(part.substr(1, part.size() - 2));
    if (const auto* given = item.as_object().if_contains("parameters")) {
      for (const json::value& each : given->as_array())
        parameters.insert(text_of(inside(follow(each), "name")));
    }
    if (captures != parameters) found.push_back(std::string(pattern) + ": other parameters");
    for (const auto& [method, call] : item.as_object()) {
      if (!methods.contains(method)) continue;
      const std::string at = std::string(method) + " " + std::string(pattern);
      if (!find(call, "responses") || !find(call, "summary")) found.push_back(at + ": lacks much");
      const json::value& body = inside(inside(call, "requestBody"), "content");
      const json::value& media = inside(body, "application/json");
      const json::value* examples = find(media, "examples");
      if (examples == nullptr) continue;
      for (const auto& [name, example] : examples->as_object())
        hold(inside(media, "schema"), inside(example, "value"), at + " example", found);
    }
  }
}

openapi_check::faults openapi_check::own_faults() const {
  faults found;
  if (!text_of(inside(document_, "openapi")).starts_with("3.1.")) found.push_back("is not 3.1");
  const json::value& schemas = inside(inside(document_, "components"), "schemas");
  for (const auto& [name, schema] : schemas.as_object()) check_schema(schema, name, found);
  check_references(document_, "", found);
  if (found.empty()) check_calls(found);
  return found;
}

namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(openapi, document_is_whole_and_its_examples_are_true) {
  EXPECT_THAT(openapi_check(openapi_document()).own_faults(), IsEmpty());
}

TEST(openapi, document_has_every_route_and_no_other) {
  std::set<std::string> wanted;
  for (const route& each : routes())
    wanted.insert(std::string(each.method) + " " + std::string(each.pattern));
  EXPECT_EQ(openapi_check(openapi_document()).calls(), wanted);
}

/// A document with one call, whose answer and whose body have that schema.
openapi_check with_schema(const std::string& schema) {
  return openapi_check(
      R"({"openapi": "3.1.0", "paths": {"/a/{b}": {"parameters": [{"name": "b"}], "put": {
        "summary": "s", "requestBody": {"content": {"application/json": {"schema":)" +
      schema + R"(}}}, "responses": {"200": {"headers": {"X": {"required": true,
        "schema": {"pattern": "^x"}}}, "content": {"application/json": {"schema":)" +
      schema + R"(}}}}}}}, "components": {"responses": {"NotFound": {}}, "schemas": {"s":)" +
      schema + "}}}");
}

TEST(openapi_check, holds_each_keyword) {
  struct row {
    const char* schema;
    const char* good;
    const char* bad;
  };
  const row rows[] = {
      {R"({"type": "integer"})", "1", "1.5"},
      {R"({"type": ["string", "null"]})", "null", "1"},
      {R"({"type": "number"})", "1", "\"1\""},
      {R"({"const": "live"})", "\"live\"", "\"dead\""},
      {R"({"enum": ["a", "b"]})", "\"b\"", "\"c\""},
      {R"({"minimum": 1})", "1", "0"},
      {R"({"maximum": 2})", "2", "3"},
      {R"({"minLength": 2})", "\"\u00e9\u00e9\"", "\"\u00e9\""},
      {R"({"maxLength": 2})", "\"\u00e9\u00e9\"", "\"abc\""},
      {R"({"pattern": "^[^\\u0000-\\u001f]*$"})", "\"a\u00e9\"", "\"a\\u001f\""},
      {R"({"format": "date-time"})", "\"2026-01-01T00:00:00.000Z\"",
       "\"2026-13-01T00:00:00.000Z\""},
      {R"({"minItems": 1})", "[1]", "[]"},
      {R"({"maxItems": 1})", "[1]", "[1, 2]"},
      {R"({"items": {"type": "string"}})", "[\"a\"]", "[\"a\", 1]"},
      {R"({"required": ["a"]})", "{\"a\": 1}", "{\"b\": 1}"},
      {R"({"properties": {"a": {"const": 1}}})", "{\"a\": 1, \"b\": 2}", "{\"a\": 2}"},
      {R"({"properties": {"a": {}}, "additionalProperties": false})", "{\"a\": 1}", "{\"b\": 1}"},
      {R"({"additionalProperties": {"const": 1}})", "{\"b\": 1}", "{\"b\": 2}"},
      {R"({"anyOf": [{"const": 1}, {"type": "null"}]})", "null", "2"},
      {R"({"oneOf": [{"minimum": 1}, {"minimum": 5}]})", "1", "6"},
      {R"({"allOf": [{"minimum": 1}, {"maximum": 5}]})", "3", "6"},
      {R"({"$ref": "#/components/schemas/s/properties/x", "properties": {"x": {"maximum": 1}}})",
       "1", "2"},
  };
  for (const row& each : rows) {
    const auto check = with_schema(each.schema);
    EXPECT_THAT(check.own_faults(), IsEmpty()) << each.schema;
    EXPECT_THAT(check.schema_faults("s", *json::parse(each.good)), IsEmpty()) << each.schema;
    EXPECT_FALSE(check.schema_faults("s", *json::parse(each.bad)).empty()) << each.schema;
    EXPECT_FALSE(check.body_faults("PUT", "/a/1", *json::parse(each.bad)).empty()) << each.schema;
  }
}

TEST(openapi_check, refuses_a_document_that_it_does_not_understand) {
  EXPECT_FALSE(with_schema(R"({"multipleOf": 2})").own_faults().empty());
  EXPECT_FALSE(
      with_schema(R"({"items": {"properties": {"a": {"nullable": 1}}}})").own_faults().empty());
  EXPECT_FALSE(with_schema(R"({"format": "ipv4"})").own_faults().empty());
  EXPECT_FALSE(with_schema(R"({"$ref": "#/components/schemas/t"})").own_faults().empty());
}

TEST(openapi_check, holds_an_answer_to_its_call) {
  const auto check = with_schema(R"({"type": "object"})");
  http::response answer{200, {{"Content-Type", "application/json"}, {"X", "x1"}}, "{}"};
  EXPECT_THAT(check.answer_faults("PUT", "/a/1", answer), IsEmpty());
  EXPECT_THAT(check.answer_faults("GET", "/a/1", answer), testing::Not(IsEmpty()));
  EXPECT_THAT(check.answer_faults("PUT", "/b/1", answer), testing::Not(IsEmpty()));
  http::response other = answer;
  other.status = 201;
  EXPECT_THAT(check.answer_faults("PUT", "/a/1", other), ElementsAre(HasSubstr("201")));
  other = answer;
  other.body = "[]";
  EXPECT_THAT(check.answer_faults("PUT", "/a/1", other), ElementsAre(HasSubstr("is array")));
  other.body = "{";
  EXPECT_THAT(check.answer_faults("PUT", "/a/1", other), ElementsAre(HasSubstr("not JSON")));
  other = answer;
  other.set_header("X", "y");
  EXPECT_THAT(check.answer_faults("PUT", "/a/1", other), ElementsAre(HasSubstr("match")));
  other.set_header("X", "");
  EXPECT_THAT(check.answer_faults("PUT", "/a/1", other), ElementsAre(HasSubstr("lacks")));
  other = answer;
  other.set_header("Y", "y");
  EXPECT_THAT(check.answer_faults("PUT", "/a/1", other), ElementsAre(HasSubstr("undocumented")));
  other = answer;
  other.set_header("Content-Type", "text/html");
  EXPECT_THAT(check.answer_faults("PUT", "/a/1", other), ElementsAre(HasSubstr("media type")));
}

}  // namespace
}  // namespace peerage
