/// Splits a text, which may arrive in any pieces, into its consecutive JSON values (RFC 8259).
///
///   JsonStream stream;
///   Status wrong = stream.feed("{\"id\": 1} {\"i");
///   while (std::optional<JsonStream::Value> value = stream.take()) send(value->text);     // {"id": 1}
///   wrong = stream.finish();                 // "line 1, column 14: the text ends inside a string"
///
/// A value is available at its last character; a bare number or word is available at the character after it.
/// White space between values is optional. The grammar is checked completely, so that an error has its
/// position; the meaning of the values is not checked. On request, a placeholder in two braces may be in the
/// place of a value: {"id": {{call}}}. In strings, braces are characters like any other.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ringrpc/status.h"

#include "base/utf8.h"

namespace ringrpc::reflected {

class JsonStream {
 public:
  struct Value {
    std::string text;
    std::size_t line = 1;  ///< where it begins
  };
  enum class Placeholders : std::uint8_t { refused, allowed };

  explicit JsonStream(Placeholders placeholders = Placeholders::refused) noexcept
      : placeholders_(placeholders) {}

  /// Adds more of the text. INVALID_ARGUMENT says what is wrong and where; complete values before that can
  /// still be taken, and no more text may be fed.
  Status feed(std::string_view text);

  /// Ends the text. INVALID_ARGUMENT when it ends inside a value.
  Status finish();

  /// The next complete value; nullopt when there is none yet.
  std::optional<Value> take();

 private:
  /// The kind of token that is allowed next.
  enum class Expect : std::uint8_t { value, value_or_end, key, key_or_end, colon, comma_or_end };
  /// The token that is being read.
  enum class Token : std::uint8_t { none, string, number, word, placeholder };

  const char* step(char c);
  const char* begin_token(char c);
  const char* begin_value(char c);
  const char* begin_placeholder();
  const char* in_placeholder(char c);
  const char* punctuation(char c);
  const char* in_string(char c);
  const char* in_escape(char c);
  const char* close();
  const char* end_scalar();
  void value_done();
  Status wrong(std::string_view what) const;

  Placeholders placeholders_;
  std::deque<Value> whole_;
  Value value_;  // the one being read
  std::vector<char> open_;
  Expect expect_ = Expect::value;
  Token token_ = Token::none;
  std::string scalar_;        // the number or word being read
  bool is_key_ = false;       // the string being read
  Utf8 utf8_;                 // of the string being read
  unsigned escape_left_ = 0;  // characters of an escape still to come
  int unit_ = 0;              // the code unit of a \u escape
  bool awaits_low_ = false;   // the last escape was the high half of a surrogate pair
  std::size_t line_ = 1;
  std::size_t column_ = 1;
};

}  // namespace ringrpc::reflected
