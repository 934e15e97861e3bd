#include "reflected/json_stream.h"

#include <utility>

namespace ringrpc::reflected {
namespace {

constexpr std::size_t depth_max = 1000;
constexpr const char* half_a_pair =
    "half of a surrogate pair is missing before this; write both halves, \\ud83d\\ude00, or the character";

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool in_number(char c) { return is_digit(c) || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E'; }

/// Removes the digits at the front of `text` and returns how many there were.
std::size_t skip_digits(std::string_view& text) {
  std::size_t digits = 0;
  while (digits < text.size() && is_digit(text[digits])) ++digits;
  text.remove_prefix(digits);
  return digits;
}

bool is_number(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  const bool zero = text.starts_with('0');
  const std::size_t whole = skip_digits(text);
  if (whole == 0 || (zero && whole > 1)) return false;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    if (skip_digits(text) == 0) return false;
  }
  if (text.starts_with('e') || text.starts_with('E')) {
    text.remove_prefix(1);
    if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
    if (skip_digits(text) == 0) return false;
  }
  return text.empty();
}

}  // namespace

// The steps return null, or what is wrong with the character.

Status JsonStream::feed(std::string_view text) {
  for (const char c : text) {
    if (const char* what = step(c)) return wrong(what);
    if (c == '\n') {
      ++line_;
      column_ = 1;
    } else if ((static_cast<unsigned char>(c) & 0xc0) != 0x80) {  // not the inside of a UTF-8 character
      ++column_;
    }
  }
  return Status();
}

Status JsonStream::finish() {
  if (token_ == Token::string) return wrong("the text ends inside a string");
  if (token_ == Token::placeholder) return wrong("the text ends where '}}' is missing");
  if (token_ != Token::none)
    if (const char* what = end_scalar()) return wrong(what);
  if (open_.empty()) return Status();
  return wrong(open_.back() == '{' ? "the text ends where '}' is missing"
                                   : "the text ends where ']' is missing");
}

std::optional<JsonStream::Value> JsonStream::take() {
  if (whole_.empty()) return std::nullopt;
  Value value = std::move(whole_.front());
  whole_.pop_front();
  return value;
}

const char* JsonStream::step(char c) {
  if (token_ == Token::string) return in_string(c);
  if (token_ == Token::placeholder) return in_placeholder(c);
  if ((token_ == Token::number && in_number(c)) || (token_ == Token::word && is_letter(c))) {
    scalar_.push_back(c);
    value_.text.push_back(c);
    return nullptr;
  }
  if (token_ != Token::none)
    if (const char* what = end_scalar()) return what;
  if (is_blank(c)) {
    if (!open_.empty()) value_.text.push_back(c);
    return nullptr;
  }
  return begin_token(c);
}

const char* JsonStream::begin_token(char c) {
  if (open_.empty()) value_ = {.text = {}, .line = line_};
  value_.text.push_back(c);
  switch (expect_) {
    case Expect::value_or_end:
      if (c == ']') return close();
      return begin_value(c);
    case Expect::value:
      return begin_value(c);
    case Expect::key_or_end:
      if (c == '}') return close();
      if (c == '{' && value_.text.ends_with("{{") && placeholders_ == Placeholders::allowed)
        return begin_placeholder();
      [[fallthrough]];
    case Expect::key:
      if (c != '"') return "a field's name in double quotes is missing here";
      token_ = Token::string;
      is_key_ = true;
      return nullptr;
    case Expect::colon:
    case Expect::comma_or_end:
      return punctuation(c);
  }
  return nullptr;
}

const char* JsonStream::begin_value(char c) {
  if (c == '{' || c == '[') {
    if (open_.size() == depth_max) return "values are nested too deeply";
    open_.push_back(c);
    expect_ = c == '{' ? Expect::key_or_end : Expect::value_or_end;
  } else if (c == '"') {
    token_ = Token::string;
    is_key_ = false;
  } else if (is_digit(c) || c == '-') {
    token_ = Token::number;
    scalar_ = c;
  } else if (is_letter(c)) {
    token_ = Token::word;
    scalar_ = c;
  } else {
    return open_.empty() ? "a JSON value begins with '{'" : "a value is missing here";
  }
  return nullptr;
}

/// The first brace was taken for the beginning of an object.
const char* JsonStream::begin_placeholder() {
  open_.pop_back();
  token_ = Token::placeholder;
  return nullptr;
}

const char* JsonStream::in_placeholder(char c) {
  value_.text.push_back(c);
  if (static_cast<unsigned char>(c) < 0x20 || c == '"') return "'}}' is missing before this";
  if (!value_.text.ends_with("}}")) return nullptr;
  token_ = Token::none;
  value_done();
  return nullptr;
}

const char* JsonStream::punctuation(char c) {
  if (expect_ == Expect::colon) {
    if (c != ':') return "':' is missing after a field's name";
    expect_ = Expect::value;
    return nullptr;
  }
  const bool object = open_.back() == '{';
  if (c == ',') {
    expect_ = object ? Expect::key : Expect::value;
    return nullptr;
  }
  if (c == (object ? '}' : ']')) return close();
  return object ? "',' or '}' is missing after a value" : "',' or ']' is missing after a value";
}

const char* JsonStream::in_string(char c) {
  value_.text.push_back(c);
  if (static_cast<unsigned char>(c) < 0x20)
    return "a line break or control character in a string; write \\n or \\u000a";
  if (!utf8_.take(c)) return "this is not UTF-8, which JSON requires; bytes are written in base64";
  if (escape_left_ > 0) return in_escape(c);
  if (awaits_low_ && c != '\\') return half_a_pair;
  if (c == '\\') escape_left_ = 1;
  if (c != '"') return nullptr;
  token_ = Token::none;
  if (is_key_) {
    expect_ = Expect::colon;
  } else {
    value_done();
  }
  return nullptr;
}

const char* JsonStream::in_escape(char c) {
  if (escape_left_ == 1 && value_.text[value_.text.size() - 2] == '\\') {
    if (c == 'u') {
      escape_left_ = 4;
      unit_ = 0;
      return nullptr;
    }
    escape_left_ = 0;
    constexpr std::string_view escapes = "\"\\/bfnrt";
    if (escapes.find(c) == std::string_view::npos)
      return "no such escape; a backslash itself is written \\\\";
    return awaits_low_ ? half_a_pair : nullptr;
  }
  if (!is_hex(c)) return "\\u takes four hexadecimal digits";
  unit_ = unit_ * 16 + (is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
  if (--escape_left_ > 0) return nullptr;
  // A surrogate pair is the high half followed by the low half.
  const bool low = unit_ >= 0xdc00 && unit_ <= 0xdfff;
  if (awaits_low_ != low) return half_a_pair;
  awaits_low_ = unit_ >= 0xd800 && unit_ <= 0xdbff;
  return nullptr;
}

const char* JsonStream::close() {
  open_.pop_back();
  value_done();
  return nullptr;
}

const char* JsonStream::end_scalar() {
  const bool right = token_ == Token::number ? is_number(scalar_)
                                             : scalar_ == "true" || scalar_ == "false" || scalar_ == "null";
  if (!right)
    return token_ == Token::number ? "this is not a valid JSON number"
                                   : "only true, false and null are written without quotes";
  token_ = Token::none;
  value_done();
  return nullptr;
}

void JsonStream::value_done() {
  if (!open_.empty()) {
    expect_ = Expect::comma_or_end;
    return;
  }
  expect_ = Expect::value;
  whole_.push_back(std::exchange(value_, {}));
}

Status JsonStream::wrong(std::string_view what) const {
  return fail(Code::INVALID_ARGUMENT, "line " + std::to_string(line_) + ", column " +
                                          std::to_string(column_) + ": " + std::string(what));
}

}  // namespace ringrpc::reflected
