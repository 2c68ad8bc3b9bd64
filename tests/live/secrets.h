// What must not be told, and where it is looked for. For tests alone.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

namespace peerage::live {

/// A secret's name for messages, and each way to write it.
using secrets = std::map<std::string, std::vector<std::string>>;

/// A WireGuard key: as base64, as it is told, and as hex, as some programs tell it.
void add_key(secrets& to, const std::string& name, const std::string& base64);

/// Each line of a PEM file between its first and its last.
void add_pem(secrets& to, const std::string& name, const std::string& file);

void expect_none(const secrets& all, const std::string& place, const std::string& text);

/// A token of the API: what follows its id, which is no secret.
void add_token(secrets& to, const std::string& name, const std::string& token);

/// No process of the test says one, in its arguments or in its environment.
void expect_processes_tell_none(const secrets& hidden);

/// The file's first line.
std::string first_line(const std::string& file);

}  // namespace peerage::live
