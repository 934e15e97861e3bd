#include "reflected/json_stream.h"

#include <doctest/doctest.h>

namespace ringrpc::reflected {
namespace {

std::vector<std::string> take_all(JsonStream& stream) {
  std::vector<std::string> texts;
  while (std::optional<JsonStream::Value> value = stream.take()) texts.push_back(value->text);
  return texts;
}

/// The values of `text`, fed in pieces of `bytes`; an error comes last.
std::vector<std::string> split(std::string_view text, std::size_t bytes) {
  JsonStream stream;
  Status status;
  for (std::size_t at = 0; at < text.size() && status.ok(); at += bytes)
    status = stream.feed(text.substr(at, bytes));
  if (status.ok()) status = stream.finish();
  std::vector<std::string> texts = take_all(stream);
  if (!status.ok()) texts.emplace_back(status.message());
  return texts;
}

std::string fault(std::string_view text) {
  const std::vector<std::string> all = split(text, 1);
  CHECK(split(text, text.size()) == all);
  REQUIRE_FALSE(all.empty());
  return all.back();
}

TEST_CASE("values are separated wherever the text is split") {
  const std::string text =
      " {\"a\": {\"b\": [1, -2.5e+3, true, null]}, \"c\": \"} \\\" \\u00e9 é\"}{}\n[]\t\"x\" 10 false "
      "{\"d\":[[],{}]}";
  const std::vector<std::string> values{
      "{\"a\": {\"b\": [1, -2.5e+3, true, null]}, \"c\": \"} \\\" \\u00e9 é\"}",
      "{}",
      "[]",
      "\"x\"",
      "10",
      "false",
      "{\"d\":[[],{}]}"};
  for (std::size_t bytes = 1; bytes <= text.size(); ++bytes) CHECK(split(text, bytes) == values);
}

/// The same with placeholders.
std::vector<std::string> split_with_placeholders(std::string_view text) {
  JsonStream stream(JsonStream::Placeholders::allowed);
  Status status;
  for (const char c : text)
    if (status.ok()) status = stream.feed({&c, 1});
  if (status.ok()) status = stream.finish();
  std::vector<std::string> texts = take_all(stream);
  if (!status.ok()) texts.emplace_back(status.message());
  return texts;
}

TEST_CASE("a placeholder may be in the place of a value, on request") {
  using Texts = std::vector<std::string>;
  for (const char* text : {R"({"a": {{b}}})", R"({"a": {{random 1 9}}, "b": [{{c}}, {{d}}], "c": {}})",
                           "{{a}}", R"({"a": "{{b}}", "{{c}}": {"d": {{e}}}})"})
    CHECK(split_with_placeholders(text) == Texts{text});
  CHECK(split_with_placeholders("{{a}} {} {{b}}") == Texts{"{{a}}", "{}", "{{b}}"});
  CHECK(split_with_placeholders(R"({"a": {{b})").back() ==
        "line 1, column 11: the text ends where '}}' is missing");
  CHECK(split_with_placeholders("{\"a\": {{b\n}}}").back() ==
        "line 1, column 10: '}}' is missing before this");
  CHECK(split_with_placeholders(R"({{{a}}: 1})").back() == "line 1, column 7: a JSON value begins with '{'");
  CHECK(split_with_placeholders("{ {a}}").back() ==
        "line 1, column 3: a field's name in double quotes is missing here");
  CHECK(fault(R"({"a": {{b}}})") == "line 1, column 8: a field's name in double quotes is missing here");
}

TEST_CASE("an object is available with its last brace, before anything follows") {
  JsonStream stream;
  CHECK(stream.feed("{\"a\": 1").ok());
  CHECK(take_all(stream).empty());
  CHECK(stream.feed("}").ok());
  CHECK(take_all(stream) == std::vector<std::string>{"{\"a\": 1}"});
}

TEST_CASE("a bare number is available once a character follows") {
  JsonStream stream;
  CHECK(stream.feed("1").ok());
  CHECK(take_all(stream).empty());
  CHECK(stream.feed("2\n").ok());
  CHECK(take_all(stream) == std::vector<std::string>{"12"});
}

TEST_CASE("a text without values is whole") {
  CHECK(split("", 1).empty());
  CHECK(split(" \n\t\r\n", 1).empty());
}

TEST_CASE("a value has the line in which it begins") {
  JsonStream stream;
  CHECK(stream.feed("{}\n\n{\n}{}").ok());
  CHECK(stream.take()->line == 1);
  CHECK(stream.take()->line == 3);
  CHECK(stream.take()->line == 4);
}

TEST_CASE("the error for invalid UTF-8 or half a surrogate pair has its position") {
  const std::string no_utf8 = ": this is not UTF-8, which JSON requires; bytes are written in base64";
  CHECK(fault("{\"a\": \"x\xff\"}") == "line 1, column 9" + no_utf8);
  CHECK(fault("{\n\"a\": \"\xc3\"}").ends_with(no_utf8));            // cut off
  CHECK(fault("{\"a\": \"\xc0\x80\"}").ends_with(no_utf8));          // overlong
  CHECK(fault("{\"a\": \"\xed\xa0\x80\"}").ends_with(no_utf8));      // a surrogate
  CHECK(fault("{\"a\": \"\xf4\x90\x80\x80\"}").ends_with(no_utf8));  // beyond Unicode
  CHECK(fault("{\"\x80\": 1}").ends_with(no_utf8));                  // in a field's name
  const std::string half =
      ": half of a surrogate pair is missing before this; write both halves, \\ud83d\\ude00, or the "
      "character";
  CHECK(fault("{\"a\": \"\\ud800\"}") == "line 1, column 14" + half);
  CHECK(fault("{\"a\": \"\\ud800x\"}") == "line 1, column 14" + half);
  CHECK(fault("{\"a\": \"\\ud800\\n\"}").ends_with(half));
  CHECK(fault("{\"a\": \"\\ud800\\ud800\"}").ends_with(half));
  CHECK(fault("{\"a\": \"\\udc00\"}").ends_with(half));
  const std::string good =
      "\"\\ud83d\\ude00 \\uD83D\\uDE00\\u00e9 \xf0\x9f\x98\x80 \xef\xbf\xbf \xf4\x8f\xbf\xbf\"";
  CHECK(split(good, 1) == std::vector{good});
}

TEST_CASE("an error has the line, the column and the right form") {
  CHECK(fault("{\"a\": 1,}") == "line 1, column 9: a field's name in double quotes is missing here");
  CHECK(fault("{\n  a: 1}") == "line 2, column 3: a field's name in double quotes is missing here");
  CHECK(fault("{\"a\" 1}") == "line 1, column 6: ':' is missing after a field's name");
  CHECK(fault("{\"a\": 1 \"b\": 2}") == "line 1, column 9: ',' or '}' is missing after a value");
  CHECK(fault("[1 2]") == "line 1, column 4: ',' or ']' is missing after a value");
  CHECK(fault("[1,]") == "line 1, column 4: a value is missing here");
  CHECK(fault("{\"a\": }") == "line 1, column 7: a value is missing here");
  CHECK(fault("}") == "line 1, column 1: a JSON value begins with '{'");
  CHECK(fault("{'a': 1}") == "line 1, column 2: a field's name in double quotes is missing here");
  CHECK(fault("{\"a\": yes}") == "line 1, column 10: only true, false and null are written without quotes");
  CHECK(fault("{\"a\": 01}") == "line 1, column 9: this is not a valid JSON number");
  CHECK(fault("{\"é\": 1.}") == "line 1, column 9: this is not a valid JSON number");
  CHECK(fault("\"a\\x\"") == "line 1, column 4: no such escape; a backslash itself is written \\\\");
  CHECK(fault("\"\\u12g4\"") == "line 1, column 6: \\u takes four hexadecimal digits");
  CHECK(fault("\"a\nb\"") ==
        "line 1, column 3: a line break or control character in a string; write \\n or \\u000a");
}

TEST_CASE("an error about an early end says what is missing") {
  CHECK(fault("{\"a\": 1") == "line 1, column 8: the text ends where '}' is missing");
  CHECK(fault("[") == "line 1, column 2: the text ends where ']' is missing");
  CHECK(fault("{} \"a") == "line 1, column 6: the text ends inside a string");
  CHECK(fault("tru") == "line 1, column 4: only true, false and null are written without quotes");
  CHECK(fault("-") == "line 1, column 2: this is not a valid JSON number");
}

TEST_CASE("values before an error can be taken") {
  CHECK(split("{} {\"a\":1} {]", 3).size() == 3);
  CHECK(split("{} {\"a\":1} {]", 3)[1] == "{\"a\":1}");
}

TEST_CASE("numbers are JSON's") {
  for (const char* right : {"0", "-0", "10", "1.5", "1e9", "1E-9", "-1.25e+10", "0.0"})
    CHECK_MESSAGE(split(std::string("[") + right + "]", 1).size() == 1, right);
  for (const char* wrong : {"00", "-", "1.", ".5", "1e", "1e+", "--1", "1-", "1.5.2", "+1"})
    CHECK_MESSAGE(split(std::string("[") + wrong + "]", 1).front().starts_with("line 1, "), wrong);
}

TEST_CASE("nesting has a limit") {
  CHECK(split(std::string(1000, '[') + std::string(1000, ']'), 100).size() == 1);
  CHECK(fault(std::string(1001, '[')) == "line 1, column 1001: values are nested too deeply");
}

}  // namespace
}  // namespace ringrpc::reflected
