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
  for (const char* word : {"_1", "1_", "1__0", "01", "-", "+-1", "99999999999999999999"}) {
    CAPTURE(word);
    CHECK(refusal(std::string("a = ") + word).starts_with("1: "));
  }
}

TEST_CASE("invalid TOML is refused with the line, its text, and the right form") {
  constexpr std::string_view remedy = "; write key = 5, key = \"text\" or key = [\"text\", \"text\"]";
  struct Case {
    const char* text;
    const char* line;
    const char* shown;
  };
  for (const Case& each : {
           Case{"a = 1\n a = 2\t\r\n", "2: ", ", in 'a = 2'"},
           Case{"\n\nlog-level = info\n", "3: ", ", in 'log-level = info'"},
           Case{"listen = 127.0.0.1:1", "1: ", ", in 'listen = 127.0.0.1:1'"},
           Case{"shards 2", "1: ", ", in 'shards 2'"},
           Case{"shards =", "1: ", ", in 'shards ='"},
           Case{"= 2", "1: ", ", in '= 2'"},
           Case{"a = 1 b = 2", "1: ", ", in 'a = 1 b = 2'"},
           Case{"x = 1\na = \"open\nb = 2", "2: ", ", in 'a = \"open'"},
           Case{"a = 'open\n'", "1: ", ", in 'a = 'open'"},
           Case{"a = ['x' 'y']", "1: ", ", in 'a = ['x' 'y']'"},
           Case{R"(a = "\q")", "1: ", R"(, in 'a = "\q"')"},
           Case{R"(a = "\ud800")", "1: ", R"(, in 'a = "\ud800"')"},
       }) {
    CAPTURE(each.text);
    const std::string said = refusal(each.text);
    CHECK_MESSAGE(said.starts_with(each.line), said);
    CHECK_MESSAGE(said.ends_with(each.shown + std::string(remedy)), said);
  }
  CHECK(refusal("a = [\n'x'\n").ends_with(remedy));
  CHECK(refusal("a = '\xff'").ends_with(remedy));
  const std::string long_line = refusal("a = " + std::string(5000, 'x'));
  CHECK_MESSAGE(long_line.size() < 300, long_line);
}

TEST_CASE("TOML of kinds that no setting has is refused with its line and key") {
  constexpr std::string_view no_table = ": tables are not supported; write every key at the top level";
  CHECK(refusal("a = 1\n[server]\n") == std::string("2: server").append(no_table));
  CHECK(refusal("a.b = 1") == std::string("1: a").append(no_table));
  CHECK(refusal("\n[[a]]\nb = 1") == std::string("2: a").append(no_table));
  CHECK(refusal("a = [1]") == "1: a: an array takes strings in \"quotes\"");
  CHECK(refusal("a = ['x', 1]") == "1: a: an array takes strings in \"quotes\"");
  for (const char* word : {"1.5", "1e3", "1979-05-27", "inf"}) {
    CAPTURE(word);
    CHECK(refusal(std::string("a = ") + word) ==
          "1: a: dates and fractions are not supported; write a whole number, true or false, or a \"text\"");
  }
}

std::string repeated(std::string_view part, int times) {
  std::string text;
  for (int i = 0; i < times; ++i) text += part;
  return text;
}

TEST_CASE("tables of any depth are refused") {
  constexpr int deep = 100'000;
  constexpr std::string_view too_deep =
      "2: a key or header with more than 16 dots: tables are not supported; write every key at the top level";
  const std::string dots = repeated("a.", deep);
  for (const std::string& text : {
           "\n" + dots + "b = 1",
           "\n[" + dots + "b]\n",
           "\n[[" + dots + "b]]\n",
           "\nx = {" + dots + "b = 1}\n",
           "\nx = [1, {" + dots + "b = 1}]\n",
           "\n" + repeated("\"a=#\" . 'b' .", deep) + "c = 1",
           "x = \"\"\"\"\\\" # \"\"\"\"\" # '\n" + dots + "b = 1",
           "x = ''''\\''''' # \"\n" + dots + "b = 1",
           "x = '' # \"\"\"\n" + dots + "b = 1",
           "# 'it' said \"\"\" \n" + dots + "b = 1",
       })
    CHECK(refusal(text) == too_deep);
  for (const std::string_view part : {"[", "{a=", "[{a.a.a.a.a.a.a.a.a.a=\n"})
    CHECK(refusal("x = " + repeated(part, deep)).contains("; write key = 5"));
}

TEST_CASE("dots in texts and comments are no tables") {
  const std::string dots = repeated("a.", 1000);
  for (const std::string& quoted : {"\"" + dots + "\"", "'" + dots + "'", "\"\"\"" + dots + "\"\"\"",
                                    "'''" + dots + "'''", "\"\"\"\n" + dots + "\"\"\" # " + dots})
    CHECK(only_value("a = " + quoted) == TomlValue(dots));
  CHECK(only_value("a = ['\"', '" + dots + "']  # " + dots) ==
        TomlValue(std::vector<std::string>{"\"", dots}));
  CHECK(only_value("\"" + dots + "\" = 1") == TomlValue(std::int64_t{1}));
  CHECK(only_value("a = \"\\\"" + dots + "\"") == TomlValue("\"" + dots));
  CHECK(refusal("a = [" + repeated("1.5, ", 20) + "]") == "1: a: an array takes strings in \"quotes\"");
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
