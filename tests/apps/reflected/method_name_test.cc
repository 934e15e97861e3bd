#include "reflected/method_name.h"

#include <doctest/doctest.h>

namespace ringrpc::reflected {
namespace {

TEST_CASE("a method is written with a slash or a dot") {
  for (const char* text : {"a.v1.B/C", "/a.v1.B/C", "a.v1.B.C"}) {
    const Outcome<MethodName> name = parse_method(text);
    REQUIRE_MESSAGE(name, text);
    CHECK(name->service == "a.v1.B");
    CHECK(name->method == "C");
  }
  for (const char* text : {"B", "/B", "B/", "/", "a/b/c", "B.", ".C"})
    CHECK_FALSE_MESSAGE(parse_method(text), text);
}

}  // namespace
}  // namespace ringrpc::reflected
