/// Writes JSON (RFC 8259) member by member, indented.
///
///   JsonText json;
///   json.begin_object();
///   json.member("total", 1000);
///   json.end_object();
///   puts(json.take().c_str());        // {\n  "total": 1000\n}
#pragma once

#include <concepts>
#include <cstdint>
#include <fmt/format.h>
#include <string>
#include <string_view>
#include <utility>

#include "base/utf8.h"

namespace ringrpc::grpcbench {

class JsonText {
 public:
  void begin_object() { open("{"); }
  void begin_object(std::string_view name) { key(name), open("{"); }
  void end_object() { close("}"); }
  void begin_array(std::string_view name) { key(name), open("["); }
  void end_array() { close("]"); }

  void member(std::string_view name, std::string_view value) { key(name), text_ += quoted(value); }
  void member(std::string_view name, const std::string& value) { member(name, std::string_view(value)); }
  void member(std::string_view name, const char* value) { member(name, std::string_view(value)); }
  void member(std::string_view name, bool value) { key(name), text_ += value ? "true" : "false"; }
  void member(std::string_view name, double value) { key(name), text_ += fmt::format("{:.10g}", value); }
  void member(std::string_view name, std::uint64_t value) { key(name), text_ += std::to_string(value); }
  /// Null when the value is not `known`.
  template <class Value>
  void member_or_null(std::string_view name, bool known, const Value& value) {
    if (known) return member(name, value);
    key(name), text_ += "null";
  }
  void element(std::string_view value) { next(), text_ += quoted(value); }

  std::string take() { return std::move(text_); }

  /// `value` as a JSON string, with U+FFFD in place of invalid UTF-8.
  static std::string quoted(std::string_view value) {
    std::string text = "\"";
    for (const char c : only_utf8(value)) {
      if (c == '"' || c == '\\') {
        text.append({'\\', c});
      } else if (static_cast<unsigned char>(c) < 0x20) {
        text += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
      } else {
        text.push_back(c);
      }
    }
    return text + "\"";
  }

 private:
  void next() {
    if (!first_) text_ += ",";
    first_ = false;
    text_ += "\n" + std::string(depth_ * 2, ' ');
  }
  void key(std::string_view name) { next(), text_ += quoted(name) + ": "; }
  void open(std::string_view bracket) {
    text_ += bracket;
    ++depth_;
    first_ = true;
  }
  void close(std::string_view bracket) {
    --depth_;
    if (!first_) text_ += "\n" + std::string(depth_ * 2, ' ');
    text_ += bracket;
    first_ = false;
  }

  std::string text_;
  std::size_t depth_ = 0;
  bool first_ = true;  // the innermost object or array is still empty
};

}  // namespace ringrpc::grpcbench
