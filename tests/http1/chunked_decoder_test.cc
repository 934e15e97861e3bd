#include "http1/chunked_decoder.h"

#include <doctest/doctest.h>
#include <string>
#include <string_view>

using namespace ringrpc;
using namespace ringrpc::http1;

namespace {

const Limits limits{
    .header_bytes_max = 64, .fields_max = 2, .body_bytes_max = 40, .chunk_extension_bytes_max = 16};

struct Decoded {
  std::string data;
  std::string rest;
  bool complete = false;
  int status = 0;
  std::string reason;
};

Decoded decode(std::string_view coded, std::size_t piece_bytes) {
  ChunkedDecoder decoder(limits);
  Decoded decoded;
  while (!coded.empty() && !decoder.complete() && !decoder.refusal()) {
    const auto [taken, data] = decoder.decode(as_bytes(coded.substr(0, piece_bytes)));
    REQUIRE(taken > 0);
    decoded.data += as_text(data);
    coded.remove_prefix(taken);
  }
  decoded.rest = coded;
  decoded.complete = decoder.complete();
  decoded.status = decoder.refusal().status;
  decoded.reason = decoder.refusal().reason;
  return decoded;
}

Decoded decode(std::string_view coded) {
  const Decoded whole = decode(coded, coded.size());
  for (std::size_t piece = 1; piece < coded.size(); ++piece) {
    const Decoded cut = decode(coded, piece);
    CHECK(cut.data == whole.data);
    CHECK(cut.complete == whole.complete);
    CHECK(cut.reason == whole.reason);
  }
  return whole;
}

}  // namespace

TEST_CASE("chunks are decoded however they are cut (RFC 9112, 7.1)") {
  struct Case {
    std::string_view coded;
    std::string_view data;
  };
  for (const auto& [coded, data] : {
           Case{"0\r\n\r\n", ""},
           Case{"5\r\nhello\r\n0\r\n\r\n", "hello"},
           Case{"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world"},
           Case{"A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789"},
           Case{"0000000000000005\r\nhello\r\n000\r\n\r\n", "hello"},
           Case{"5;name=value\r\nhello\r\n0;last\r\n\r\n", "hello"},
           Case{"5 ; a=\"b\"\r\nhello\r\n0\r\n\r\n", "hello"},
           Case{"5\t;a\r\nhello\r\n0\r\n\r\n", "hello"},
           Case{"4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n"},
           Case{"5\r\nhello\r\n0\r\nchecksum: 1\r\nother:\r\n\r\n", "hello"},
       }) {
    CAPTURE(coded);
    const Decoded decoded = decode(std::string(coded) + "GET");
    CHECK(decoded.complete);
    CHECK(decoded.data == data);
    CHECK(decode(std::string(coded) + "GET", 1000).rest == "GET");
  }
}

TEST_CASE("malformed chunks are refused") {
  struct Case {
    std::string_view coded;
    int status;
    std::string_view reason;
  };
  for (const auto& [coded, status, reason] : {
           Case{"\r\n", 400, "no size"},
           Case{";a\r\n", 400, "no size"},
           Case{"-1\r\n", 400, "no size"},
           Case{"+1\r\n", 400, "no size"},
           Case{" 1\r\n", 400, "no size"},
           Case{"0x1\r\n", 400, "not a hexadecimal number"},
           Case{"1g\r\n", 400, "not a hexadecimal number"},
           Case{"5 \r\n", 400, "not a hexadecimal number"},
           Case{"5 5\r\n", 400, "not a hexadecimal number"},
           Case{"00000000000000005\r\n", 400, "too many digits"},
           Case{"10000000000000000\r\n", 400, "too many digits"},
           Case{"5\nhello", 400, "LF without CR"},
           Case{"5\rhello", 400, "CR is not followed by LF"},
           Case{"5;a\nhello", 400, "LF without CR"},
           Case{"5 \nhello", 400, "LF without CR"},
           Case{"5;a=\"\n\"\r\nhello", 400, "LF without CR"},
           Case{"5;a\rb\r\nhello", 400, "CR is not followed by LF"},
           Case{std::string_view("5;a\0\r\n", 6), 400, "control character"},
           Case{"5;0123456789abcdef\r\n", 400, "extension is too long"},
           Case{"5                 ;\r\n", 400, "extension is too long"},
           Case{"5\r\nhello!\r\n", 400, "longer than its size"},
           Case{"5\r\nhello\n0\r\n\r\n", 400, "longer than its size"},
           Case{"5\r\nhello\r0\r\n\r\n", 400, "CR is not followed by LF"},
           Case{"29\r\n", 413, "too large"},
           Case{"28\r\n0123456789012345678901234567890123456789\r\n1\r\n", 413, "too large"},
           Case{"ffffffffffffffff\r\n", 413, "too large"},
           Case{"1\r\nx\r\nffffffffffffffff\r\n", 413, "too large"},
           Case{"0\r\n a: b\r\n\r\n", 400, "obs-fold"},
           Case{"0\r\na : b\r\n\r\n", 400, "white space between"},
           Case{"0\r\na: b\n\r\n", 400, "LF without CR"},
           Case{"0\r\n\n", 400, "LF without CR"},
           Case{"0\r\nGET / HTTP/1.1\r\n\r\n", 400, "white space between"},
           Case{"0\r\na:\r\nb:\r\nc:\r\n\r\n", 431, "too many"},
           Case{"0\r\na: 0123456789012345678901234567890123456789012345678901234567890123456789", 431,
                "too large"},
       }) {
    CAPTURE(coded);
    const Decoded decoded = decode(coded);
    CHECK(decoded.status == status);
    CHECK_MESSAGE(decoded.reason.find(reason) != std::string::npos, decoded.reason);
    CHECK(decoded.reason.find("RFC") != std::string::npos);
    CHECK_FALSE(decoded.complete);
  }
}
