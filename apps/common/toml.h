/// The part of TOML (https://toml.io/en/v1.0.0) that a flat list of settings needs, parsed by toml++.
///
///   listen = ["127.0.0.1:50051", 'unix:/run/grpcd.sock']   # strings, alone or in an array
///   max-connections = 20_000                               # whole numbers
///   verbose = true
///
/// CLI11 reads such files too, but it accepts invalid TOML silently and loses types and line numbers. A
/// server must not start with a misread file. Tables, dotted keys, dates and fractions are errors.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "ringrpc/status.h"

namespace ringrpc::apps {

using TomlValue = std::variant<std::string, std::int64_t, bool, std::vector<std::string>>;

struct TomlEntry {
  std::string key;
  TomlValue value;
  unsigned line = 0;  ///< of the key, counted from 1
};

/// The entries in the order of their lines. INVALID_ARGUMENT begins with the line number, quotes the line or
/// names its key, and says what would be right: "3: limits: tables are not supported; write every key at the
/// top level".
Result<std::vector<TomlEntry>> parse_toml(std::string_view text);

/// "a string", "a number", "true or false", "an array".
std::string_view type_name(const TomlValue& value) noexcept;

}  // namespace ringrpc::apps
