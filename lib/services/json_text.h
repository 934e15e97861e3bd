/// Writes JSON (RFC 8259) for pages.
///
///   JsonText json;
///   json.open('{');
///   json.member("shard", 1);
///   json.name("calls"); json.open('['); json.number(7); json.close(']');
///   json.close('}');
///   respond(std::move(json).finish());           // {"shard":1,"calls":[7]} and a line end
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

  // A member of an object: its name and its value.
  void member(std::string_view member_name, std::string_view value);
  void member(std::string_view member_name, std::uint64_t value);
  void member(std::string_view member_name, Nanoseconds value);

  std::string finish() &&;

 private:
  void begin_value();
  void append_quoted(std::string_view value);

  std::string text_;
  bool comma_ = false;  ///< before the next value
};

}  // namespace ringrpc
