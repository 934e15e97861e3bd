/// Writes the members of JSON objects (RFC 8259) for logs.
///
///   std::string line = "{";
///   append_member(line, "method", call.method());
///   append_member(line, "messages", std::uint64_t{3});
///   line += "}";                              // {"method":"/echo.v1.EchoService/Echo","messages":3}
///
/// The text is always valid UTF-8 without control characters, whatever the values are.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace ringrpc {

/// Appends `text` in quotes. Bytes that are not UTF-8 and control characters become \xff and
/// the like (base/escape.h).
void append_json(std::string& to, std::string_view text);
template <std::same_as<bool> Bool>  // no pointer
void append_json(std::string& to, Bool value) {
  to += value ? "true" : "false";
}
void append_json(std::string& to, std::uint64_t value);
void append_json(std::string& to, std::int64_t value);
/// Null if the value is not finite.
void append_json(std::string& to, double value);

/// Appends a member of an object, after a comma unless it is the first. `name` needs no escapes.
template <class Value>
void append_member(std::string& to, std::string_view name, Value value) {
  if (!to.ends_with('{')) to += ',';
  to.append(1, '"').append(name).append("\":");
  append_json(to, value);
}

}  // namespace ringrpc
