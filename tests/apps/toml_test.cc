#include "common/toml.h"

#include <doctest/doctest.h>
#include <string>

namespace ringrpc::apps {
namespace {

TomlValue only_value(std::string_view text) {
  CAPTURE(std::string(text));
  const auto entries = parse_toml(text);
  REQUIRE_MESSAGE(entries.has_value(), entries.error().to_string());
  REQUIRE(entries->size() == 1);
  return entries->front().value;
}

std::string refusal(std::string_view text) {
  const auto entries = parse_toml(text);
  return entries ? "taken" : std::string(entries.error().message());
}

TEST_CASE("keys, values, comments and lines are read as TOML has them") {
  const auto entries = parse_toml(
      "# all of it\r\n"
      "\n"
      "listen = [\n"
      "  \"127.0.0.1:1\",  # loopback\n"
      "  'unix:/run/a b.sock',\n"
      "]\n"
      "shards=2 # two\n"
      "  quiet\t=\ttrue\r\n"
      "level = \"in#fo\"");
  REQUIRE(entries.has_value());
  REQUIRE(entries->size() == 4);
  CHECK((*entries)[0].key == "listen");
  CHECK((*entries)[0].line == 3);
  CHECK((*entries)[0].value == TomlValue(std::vector<std::string>{"127.0.0.1:1", "unix:/run/a b.sock"}));
  CHECK((*entries)[1].line == 7);
  CHECK((*entries)[1].value == TomlValue(std::int64_t{2}));
  CHECK((*entries)[2].value == TomlValue(true));
  CHECK((*entries)[3].line == 9);
  CHECK((*entries)[3].value == TomlValue(std::string("in#fo")));
}

TEST_CASE("an empty text has no entries") {
  for (const char* text : {"", "\n\n", "# only a comment", "  \t\r\n"}) {
    const auto entries = parse_toml(text);
    REQUIRE(entries.has_value());
    CHECK(entries->empty());
  }
}

TEST_CASE("strings escape in double quotes and not in single ones") {
  CHECK(only_value(R"(a = "q\"b\\s\tt\u00e9\U0001F600")") ==
        TomlValue(std::string("q\"b\\s\tt\xc3\xa9\xf0\x9f\x98\x80")));
  CHECK(only_value(R"(a = 'C:\n\"')") == TomlValue(std::string(R"(C:\n\")")));
  CHECK(only_value("a = \"\"") == TomlValue(std::string()));
}

TEST_CASE("whole numbers may have a sign and underscores between digits") {
  CHECK(only_value("a = 20_000") == TomlValue(std::int64_t{20000}));
  CHECK(only_value("a = -7") == TomlValue(std::int64_t{-7}));
  CHECK(only_value("a = +7") == TomlValue(std::int64_t{7}));
  CHECK(only_value("a = 0") == TomlValue(std::int64_t{0}));
  for (const char* word : {"_1", "1_", "1__0", "01", "1.5", "0x10", "-", "+-1", "1e3", "info",
                           "99999999999999999999", "1979-05-27"}) {
    CAPTURE(word);
    CHECK(refusal(std::string("a = ") + word) ==
          "1: '" + std::string(word) +
              "' is neither a whole number nor true or false; strings stand in \"quotes\"");
  }
}

TEST_CASE("what is not such a file is refused with its line") {
  CHECK(refusal("a = 1\na = 2") == "2: a is set twice, first in line 1");
  CHECK(refusal("\n[server]\n") == "2: tables have no use here; write every key at the top level");
  CHECK(refusal("shards 2") == "1: '=' is missing after shards");
  CHECK(refusal("shards =") == "1: a value is missing after '='");
  CHECK(refusal("shards = \n2") == "1: a value is missing after '='");
  CHECK(refusal("= 2") == "1: a line is 'key = value' or a comment that begins with '#'");
  CHECK(refusal("a = 1 b = 2") == "1: nothing but a comment may follow the value of a");
  CHECK(refusal("a = \"x\" \"y\"") == "1: nothing but a comment may follow the value of a");
  CHECK(refusal("a = \"open") == "1: a string does not end on its line");
  CHECK(refusal("a = 'open\n'") == "1: a string does not end on its line");
  CHECK(refusal("a = \"\"\"x\"\"\"") == "1: multi-line strings have no use here");
  CHECK(refusal("a = [\n'x'\n") == "3: an array is not closed with ']'");
  CHECK(refusal("a = ['x' 'y']") == "1: the strings of an array are parted by ','");
  CHECK(refusal("a = [1]") == "1: an array holds strings in \"quotes\"");
  for (const char* text :
       {R"(a = "\q")", R"(a = "\)", R"(a = "\u12")", R"(a = "\ud800")", R"(a = "\U00110000")"}) {
    CAPTURE(text);
    CHECK(refusal(text).starts_with("1: a string has an unknown escape"));
  }
}

TEST_CASE("every cut of a file is read or refused, and never more") {
  const std::string whole = "listen = [\"a\", 'b\\']\nshards = 1_0 # c\nx = \"\\u00e9\\\\\"\r\ny = true\n";
  REQUIRE(parse_toml(whole).has_value());
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const auto cut = parse_toml(std::string(whole, 0, length));
    if (cut) CHECK(cut->size() <= 4);
  }
}

}  // namespace
}  // namespace ringrpc::apps
