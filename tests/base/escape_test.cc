#include "base/escape.h"

#include <doctest/doctest.h>

namespace ringrpc {
namespace {

TEST_CASE("control characters are escaped, other text stays unchanged") {
  CHECK(escape_controls("plain text, /paths and \"quotes\"") == "plain text, /paths and \"quotes\"");
  CHECK(escape_controls("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xc2\xa0") ==
        "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xc2\xa0");
  CHECK(escape_controls("\xc2\x9b"
                        "31m") == "\\xc2\\x9b31m");
  CHECK(escape_controls("\t\x1f \x7f") == "\\x09\\x1f \\x7f");
  CHECK(escape_controls("") == "");
}

TEST_CASE("marks that change the direction of text are escaped") {
  CHECK(escape_controls("a\xe2\x80\xaeyz") == "a\\xe2\\x80\\xaeyz");  // U+202E
  CHECK(escape_controls("\xe2\x81\xa6") == "\\xe2\\x81\\xa6");        // U+2066
  CHECK(escape_controls("\xe2\x80\x8f.") == "\\xe2\\x80\\x8f.");      // U+200F
  CHECK(escape_controls("\xe2\x80\x93\xe2\x81\xaa") == "\xe2\x80\x93\xe2\x81\xaa");
}

TEST_CASE("bytes that are not UTF-8 are escaped, since a terminal may take them for controls") {
  CHECK(escape_controls("\x9b"
                        "31m") == "\\x9b31m");
  CHECK(escape_controls("a\xff\xc3\xbc") == "a\\xff\xc3\xbc");
  CHECK(escape_controls("\xc2") == "\\xc2");
  CHECK(escape_controls("\xe2\x80") == "\\xe2\\x80");
  CHECK(escape_controls("\xe2\x9b\xc2\x9b") == "\\xe2\\x9b\\xc2\\x9b");
  CHECK(escape_controls("\xed\xa0\x80\xc0\x9b") ==
        "\\xed\\xa0\\x80\\xc0\\x9b");  // a surrogate, an overlong form
  CHECK(escape_controls("\xf0\x9f\x98\x80") == "\xf0\x9f\x98\x80");
  CHECK(escape_controls("\x9b", std::string_view::npos, "\x9b") == "\\x9b");
}

TEST_CASE("the characters to keep are not escaped") {
  CHECK(escape_controls("a\n\tb\x1b", std::string_view::npos, "\n") == "a\n\\x09b\\x1b");
}

TEST_CASE("long text is cut and states how much is missing") {
  CHECK(escape_controls("12345678", 8) == "12345678");
  CHECK(escape_controls("1234567890", 8) == "12345678 ... 2 more bytes");
  CHECK(escape_controls("1234567\xe2\x82\xac 0", 8) == "1234567\xe2\x82\xac ... 2 more bytes");
  CHECK(escape_controls(std::string(1000, '\x80'), 8).size() < 8 + 32);
  CHECK(escape_controls(std::string(1'000'000, '\n'), 4096).size() < 4096 + 64);
}

TEST_CASE("text for a page cannot end an element or an attribute") {
  CHECK(escape_html("a < b && c > \"d\"") == "a &lt; b &amp;&amp; c &gt; &quot;d&quot;");
  CHECK(escape_html("") == "");
}

}  // namespace
}  // namespace ringrpc
