#include <algorithm>
#include <doctest/doctest.h>
#include <optional>
#include <string>
#include <vector>

#include "rpc/wire/base64.h"
#include "rpc/wire/percent_encoding.h"

namespace ringrpc {
namespace {

std::string all_bytes() {
  std::string bytes;
  for (int byte = 0; byte < 256; ++byte) bytes += static_cast<char>(byte);
  return bytes;
}

TEST_CASE("grpc-message escapes what is not printable ASCII, and the percent sign") {
  CHECK(percent_encode("plain text, ~ included") == "plain text, ~ included");
  CHECK(percent_encode("100%\r\n\x7f") == "100%25%0D%0A%7F");
  CHECK(percent_encode("\xe2\x98\xba") == "%E2%98%BA");
  CHECK(percent_encode(" inside and at the ends ") == "%20inside and at the ends%20");
  CHECK(percent_encode(" ") == "%20");
}

TEST_CASE("decoding a grpc-message never fails") {
  CHECK(percent_decode("%e2%98%BA") == "\xe2\x98\xba");
  CHECK(percent_decode("%") == "%");
  CHECK(percent_decode("%4") == "%4");
  CHECK(percent_decode("%41%") == "A%");
  CHECK(percent_decode("%zz%4") == "%zz%4");
  CHECK(percent_decode(percent_encode(all_bytes())) == all_bytes());
}

TEST_CASE("base64 is written without padding") {  // RFC 4648, section 10
  CHECK(base64_encode("") == "");
  CHECK(base64_encode("f") == "Zg");
  CHECK(base64_encode("fo") == "Zm8");
  CHECK(base64_encode("foo") == "Zm9v");
  CHECK(base64_encode("foob") == "Zm9vYg");
}

TEST_CASE("base64 is read with and without padding") {
  CHECK(base64_decode("Zg==") == "f");
  CHECK(base64_decode("Zg") == "f");
  CHECK(base64_decode("Zm8=") == "fo");
  CHECK(base64_decode("Zm9v") == "foo");
  CHECK(base64_decode("") == "");
  for (std::size_t length = 0; length < 256; ++length) {
    const std::string bytes = all_bytes().substr(0, length);
    CHECK(base64_decode(base64_encode(bytes)) == bytes);
  }
}

TEST_CASE("invalid base64 is refused") {
  for (const char* text : {"Z", "Zg=", "Zg===", "Z===", "====", "Zm9v\n", "Zm9-", "Zm 9", "=Zg"})
    CHECK_FALSE(base64_decode(text));
}

TEST_CASE("a list is base64 when each of its values is") {
  const auto values_in = [](std::string_view list) -> std::optional<std::size_t> {
    std::size_t values = 0;
    for (std::size_t at = 0; at <= list.size(); ++values) {
      const std::size_t comma = std::min(list.find(',', at), list.size());
      if (!base64_decode(list.substr(at, comma - at))) return std::nullopt;
      at = comma + 1;
    }
    return values;
  };
  constexpr std::string_view characters = "A/=,!";
  constexpr std::size_t longest = 7;
  std::vector<std::string> lists{""};
  for (std::size_t at = 0; at < lists.size(); ++at) {
    CAPTURE(lists[at]);
    REQUIRE(count_base64_values(lists[at]) == values_in(lists[at]));
    if (lists[at].size() == longest) continue;
    for (const char character : characters) lists.push_back(lists[at] + character);
  }
  CHECK(count_base64_values(std::string(6999, ',')) == 7000);
}

}  // namespace
}  // namespace ringrpc
