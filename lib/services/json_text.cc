#include "services/json_text.h"

#include <array>
#include <cstdio>
#include <utility>

namespace ringrpc {

void JsonText::begin_value() {
  if (std::exchange(comma_, true)) text_ += ',';
}

void JsonText::open(char bracket) {
  begin_value();
  text_ += bracket;
  comma_ = false;
}

void JsonText::close(char bracket) {
  text_ += bracket;
  comma_ = true;
}

void JsonText::name(std::string_view name) {
  begin_value();
  append_quoted(name);
  text_ += ':';
  comma_ = false;
}

void JsonText::text(std::string_view value) {
  begin_value();
  append_quoted(value);
}

/// Bytes that are not ASCII are written as if they were Latin-1, because they need not be UTF-8: the path of
/// a client's unix socket may have any.
void JsonText::append_quoted(std::string_view value) {
  text_ += '"';
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte > 0x7e) {
      std::array<char, 7> escape;
      std::snprintf(escape.data(), escape.size(), "\\u%04x", byte);
      text_ += escape.data();
    } else {
      if (c == '"' || c == '\\') text_ += '\\';
      text_ += c;
    }
  }
  text_ += '"';
}

void JsonText::number(std::uint64_t value) {
  begin_value();
  text_ += std::to_string(value);
}

void JsonText::seconds(Nanoseconds value) {
  begin_value();
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), "%.6f", std::chrono::duration<double>(value).count());
  text_ += text.data();
}

void JsonText::null() {
  begin_value();
  text_ += "null";
}

void JsonText::member(std::string_view member_name, std::string_view value) {
  name(member_name);
  text(value);
}

void JsonText::member(std::string_view member_name, std::uint64_t value) {
  name(member_name);
  number(value);
}

void JsonText::member(std::string_view member_name, Nanoseconds value) {
  name(member_name);
  seconds(value);
}

std::string JsonText::finish() && {
  text_ += '\n';
  return std::move(text_);
}

}  // namespace ringrpc
