/// The part of TOML (https://toml.io/en/v1.0.0) that a flat list of settings needs, read by toml++.
///
///   listen = ["127.0.0.1:50051", 'unix:/run/grpcd.sock']   # strings, alone or in an array
///   max-connections = 20_000                               # whole numbers
///   verbose = true
///
/// CLI11 reads such files too, but takes what is not TOML without a word and forgets types and lines, and a
/// server must not start on a misread file. Tables, dotted keys, dates and fractions have no use here and are
/// refused by name.
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
  unsigned line = 0;  ///< of the key, from 1
};

/// The entries in the order of the text's lines. INVALID_ARGUMENT begins with the line and shows it or names
/// its key, and says what would be right: "3: limits: tables have no use here; write every key at the top
/// level".
Result<std::vector<TomlEntry>> parse_toml(std::string_view text);

/// "a string", "a number", "true or false", "an array".
std::string_view type_name(const TomlValue& value) noexcept;

}  // namespace ringrpc::apps
