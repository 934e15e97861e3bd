#include "common/header_line.h"

#include <doctest/doctest.h>

namespace ringrpc::apps {
namespace {

std::string header_refusal(std::string_view line) {
  Metadata metadata;
  const Status status = add_header(metadata, line);
  CHECK(status.code() == Code::INVALID_ARGUMENT);
  CHECK(metadata.empty());
  return std::string(status.message());
}

TEST_CASE("a name is put in lower case, and blanks around name and value are removed") {
  Metadata metadata;
  REQUIRE(add_header(metadata, " Authorization :\t Bearer a: b ").ok());
  CHECK(metadata.find("authorization") == "Bearer a: b");
}

TEST_CASE("a value may be empty and a name may repeat") {
  Metadata metadata;
  REQUIRE(add_header(metadata, "a:").ok());
  REQUIRE(add_header(metadata, "a: 2").ok());
  CHECK(metadata.size() == 2);
  CHECK(metadata.find("a") == "");
}

TEST_CASE("a value of a -bin name is base64, with padding or without") {
  Metadata metadata;
  REQUIRE(add_header(metadata, "a-bin: AAE=").ok());
  REQUIRE(add_header(metadata, "B-Bin: AAE").ok());
  CHECK(metadata.find("a-bin") == std::string_view("\0\1", 2));
  CHECK(metadata.find("b-bin") == std::string_view("\0\1", 2));
}

TEST_CASE("an invalid header is refused with the reason") {
  CHECK(header_refusal("authorization") == "'authorization' has no colon; write 'name: value'");
  CHECK(header_refusal("a-bin: ?") ==
        "the value of 'a-bin' is not base64, which names that end in -bin require");
  CHECK(header_refusal(":path: /a") == "':path: /a' has no name; pseudo-headers such as :path cannot be set");
  CHECK(header_refusal("a b: x") == "metadata \"a b\": a name may contain only 0-9 a-z _ - and dots");
  CHECK(header_refusal("a: \x01") ==
        "metadata \"a\": a value must be printable ASCII; other bytes need a name that ends in -bin");
  for (const char* reserved : {"grpc-timeout: 1S", "Host: a", "content-type: x", "te: x"})
    CHECK(header_refusal(reserved).ends_with(": names reserved by the protocol cannot be set"));
}

TEST_CASE("a header is shown in the form of the flag, without control characters") {
  CHECK(header_line({"a", "b c"}) == "a: b c");
  CHECK(header_line({"a", "\x1b[31m"}) == "a: \\x1b[31m");
  CHECK(header_line({"a-bin", std::string("\0\1\2", 3)}) == "a-bin: AAEC");
}

}  // namespace
}  // namespace ringrpc::apps
