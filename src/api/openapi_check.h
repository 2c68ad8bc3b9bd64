// Holds values and answers against an OpenAPI 3.1 document: the part of JSON Schema (2020-12) that
// our document uses, and no more. For tests alone; a keyword that is not known here is a fault of
// the document, so that nothing in it goes unchecked.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "http/message.h"
#include "json/json.h"

namespace peerage {

class openapi_check {
 public:
  using faults = std::vector<std::string>;  // empty: all is well

  /// Throws std::runtime_error where the text is no JSON object.
  explicit openapi_check(std::string_view document);

  /// Every call in it, as "GET /v1/networks".
  std::set<std::string> calls() const;

  /// What is wrong with the document itself: unknown keywords, references that lead nowhere,
  /// parameters that a path does not have, examples that break their own schema.
  faults own_faults() const;

  /// Whether that answer to that request is a documented one. What leads to no call, or to a method
  /// that a path does not have, is answered with a problem document.
  faults answer_faults(std::string_view method, std::string_view path,
                       const http::response& answer) const;

  /// Whether the call's body may be that.
  faults body_faults(std::string_view method, std::string_view path, const json::value& body) const;

  /// A value against a schema of components/schemas.
  faults schema_faults(std::string_view schema, const json::value& what) const;

 private:
  const json::object* path_item(std::string_view path) const;
  const json::value& follow(const json::value& from) const;
  void hold(const json::value& schema, const json::value& what, const std::string& at,
            faults& found) const;
  void hold_text(const json::object& schema, const json::value& what, const std::string& at,
                 faults& found) const;
  void hold_number(const json::object& schema, const json::value& what, const std::string& at,
                   faults& found) const;
  void hold_array(const json::object& schema, const json::value& what, const std::string& at,
                  faults& found) const;
  void hold_object(const json::object& schema, const json::value& what, const std::string& at,
                   faults& found) const;
  void hold_choices(const json::object& schema, const json::value& what, const std::string& at,
                    faults& found) const;
  void hold_response(const json::object& response, const http::response& answer,
                     faults& found) const;
  void check_schema(const json::value& schema, const std::string& at, faults& found) const;
  void check_references(const json::value& in, const std::string& at, faults& found) const;
  void check_calls(faults& found) const;

  json::value document_;
};

}  // namespace peerage
