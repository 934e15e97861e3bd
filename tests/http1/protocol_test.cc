#include "http1/protocol.h"

#include <doctest/doctest.h>
#include <string_view>

using namespace ringrpc;
using namespace ringrpc::http1;

TEST_CASE("the first bytes tell HTTP/2 from HTTP/1.1 (RFC 9113, 3.4)") {
  constexpr std::string_view preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  for (std::size_t bytes = 0; bytes <= preface.size(); ++bytes) {
    CAPTURE(bytes);
    const Protocol expected = bytes < protocol_bytes ? Protocol::undecided : Protocol::http2;
    CHECK(protocol_of(as_bytes(preface.substr(0, bytes))) == expected);
  }
  for (const std::string_view other :
       {"G", "GET / HTTP/1.1", "PO", "PROPFIND / HTTP/1.1", "PRI ", "PRI * HTTP/1.1", "PRI * HTTP/2.1",
        "pri * HTTP/2.0", "\x16\x03\x01", "\r\n"}) {
    CAPTURE(other);
    CHECK(protocol_of(as_bytes(other)) == (other == "PRI " ? Protocol::undecided : Protocol::http1));
  }
}
