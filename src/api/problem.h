// Errors as RFC 9457 problem documents: one table from what went wrong to what is answered.
#pragma once

#include <string>

#include "base/error.h"
#include "http/message.h"
#include "json/json.h"

namespace peerage {

/// 200, 201, 202, with a JSON body.
http::response json_answer(int status, const json::value& body);

http::response problem(int status, std::string detail, const std::string& field = {});
http::response problem(const error& from);

/// To OPTIONS *: 204, with the methods that there are.
http::response server_options();

/// 401, with the challenge that says how to do better.
http::response unauthorized(std::string detail);

}  // namespace peerage
