#include "grpcclient/header_line.h"

#include <doctest/doctest.h>

namespace ringrpc::grpcclient {
namespace {

std::string refusal(std::string_view line) {
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
  CHECK(refusal("authorization") == "'authorization' has no colon; write 'name: value'");
  CHECK(refusal("a-bin: ?") == "the value of 'a-bin' is not base64, which names that end in -bin require");
  CHECK_FALSE(refusal(": x").empty());
  CHECK_FALSE(refusal("a b: x").empty());
  CHECK_FALSE(refusal("grpc-timeout: 1S").empty());
}

TEST_CASE("a header is shown in the form of the flag, without control characters") {
  CHECK(header_line({"a", "b c"}) == "a: b c");
  CHECK(header_line({"a", "\x1b[31m"}) == "a: \\x1b[31m");
  CHECK(header_line({"a-bin", std::string("\0\1\2", 3)}) == "a-bin: AAEC");
}

}  // namespace
}  // namespace ringrpc::grpcclient
