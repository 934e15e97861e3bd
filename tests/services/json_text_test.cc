#include "services/json_text.h"

#include <doctest/doctest.h>

namespace ringrpc {
namespace {

using namespace std::chrono_literals;

TEST_CASE("values, names and brackets are separated by commas where JSON needs them") {
  JsonText json;
  json.open('{');
  json.name("empty");
  json.open('[');
  json.close(']');
  json.name("list");
  json.open('[');
  json.number(1);
  json.number(18446744073709551615u);
  json.null();
  json.open('{');
  json.close('}');
  json.text("text");
  json.close(']');
  json.name("age_s");
  json.seconds(1500us);
  json.close('}');
  CHECK(std::move(json).finish() ==
        "{\"empty\":[],\"list\":[1,18446744073709551615,null,{},\"text\"],\"age_s\":0.001500}\n");
}

TEST_CASE("no byte of a text can end its string or break its encoding") {
  JsonText json;
  json.text(std::string_view("a\"b\\c\n\x7f\xff\0z", 10));
  CHECK(std::move(json).finish() == R"("a\"b\\c\u000a\u007f\u00ff\u0000z")"
                                    "\n");
}

}  // namespace
}  // namespace ringrpc
