#include "base/json.h"

#include <cstdint>
#include <doctest/doctest.h>
#include <limits>
#include <string>

#include "base/utf8.h"

namespace ringrpc {
namespace {

using namespace std::literals;

std::string json(std::string_view text) {
  std::string to;
  append_json(to, text);
  return to;
}

TEST_CASE("members of a JSON object are separated by commas") {
  std::string line = "{";
  append_member(line, "text", "a"sv);
  append_member(line, "big", std::numeric_limits<std::uint64_t>::max());
  append_member(line, "low", std::numeric_limits<std::int64_t>::min());
  append_member(line, "part", 0.25);
  append_member(line, "none", std::numeric_limits<double>::infinity());
  append_member(line, "yes", true);
  CHECK(
      line ==
      R"({"text":"a","big":18446744073709551615,"low":-9223372036854775808,"part":0.25,"none":null,"yes":true)");
}

TEST_CASE("JSON escapes quotes and backslashes, and keeps UTF-8") {
  CHECK(json("") == R"("")");
  CHECK(json(R"(say "a\b")") == R"("say \"a\\b\"")");
  CHECK(json("für 価 \U0001f600") == "\"für 価 \U0001f600\"");
}

TEST_CASE("JSON shows control characters and bytes that are not UTF-8 by their numbers") {
  CHECK(json("a\r\n\0\x7f"sv) == R"("a\\x0d\\x0a\\x00\\x7f")");
  CHECK(json("\xff\xc3") == R"("\\xff\\xc3")");
  CHECK(json("\xc0\x80") == R"("\\xc0\\x80")");                    // overlong
  CHECK(json("\xed\xa0\x80") == R"("\\xed\\xa0\\x80")");           // a surrogate
  CHECK(json("\xf4\x90\x80\x80") == R"("\\xf4\\x90\\x80\\x80")");  // beyond Unicode
  CHECK(json("\u202e") == R"("\\xe2\\x80\\xae")");                 // changes the direction of text
}

TEST_CASE("JSON is UTF-8 whatever two bytes come") {
  for (int bytes = 0; bytes < 1 << 16; ++bytes) {
    const std::string text = json(std::string{static_cast<char>(bytes >> 8), static_cast<char>(bytes)});
    Utf8 utf8;
    bool valid = true;
    for (const char c : text) valid = valid && utf8.take(c) && static_cast<unsigned char>(c) >= 0x20;
    REQUIRE(valid);
    REQUIRE(utf8.whole());
  }
}

}  // namespace
}  // namespace ringrpc
