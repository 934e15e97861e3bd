/// Writes JSON (RFC 8259) for pages.
///
///   JsonText json;
///   json.open('{');
///   json.name("calls"); json.open('['); json.number(1); json.close(']');
///   json.close('}');
///   respond(std::move(json).finish());           // {"calls":[1]} and a line end
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "ringrpc/clock.h"

namespace ringrpc {

class JsonText {
 public:
  /// An object '{' or an array '['.
  void open(char bracket);
  void close(char bracket);
  /// Of the next value, inside an object.
  void name(std::string_view name);

  void text(std::string_view value);
  void number(std::uint64_t value);
  void seconds(Nanoseconds value);  ///< with microseconds
  void null();

  std::string finish() &&;

 private:
  void begin_value();
  void append_quoted(std::string_view value);

  std::string text_;
  bool comma_ = false;  ///< before the next value
};

}  // namespace ringrpc
