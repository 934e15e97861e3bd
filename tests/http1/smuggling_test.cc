// Requests that two readers could understand differently (RFC 9112, 11.2), and other malformed ones: each
// gets its status, a line that names the cause, and the end of the connection. Bytes that follow are never
// served as a request of their own.
#include <doctest/doctest.h>
#include <string>
#include <string_view>

#include "http1/server.h"

using namespace std::literals;
using namespace ringrpc;
using namespace ringrpc::http1;
using namespace ringrpc::http1::test;

namespace {

struct Case {
  std::string_view bytes;
  int status;              ///< 200: served, with what follows
  std::string_view cause;  ///< part of the line that names it, the RFC's section above all
};

constexpr std::string_view behind = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

#define GET_ "GET / HTTP/1.1\r\n"
#define POST_ "POST / HTTP/1.1\r\nHost: a\r\n"
#define HOST_ "Host: a\r\n"

const Case refused[] = {
    // Both framings (RFC 9112, 6.1), in any order and spelling.
    {POST_ "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
     "both Content-Length and"},
    {POST_ "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400,
     "both Content-Length and"},
    {POST_ "transfer-encoding: CHUNKED\r\ncontent-length: 0\r\n\r\n0\r\n\r\n", 400,
     "both Content-Length and"},
    {POST_ "Content-Length: 5\r\nTransfer-Encoding: identity\r\n\r\nhello", 400, "both Content-Length and"},
    {POST_ "Transfer-Encoding: identity\r\nContent-Length: 5\r\n\r\nhello", 400, "both Content-Length and"},
    // Several or malformed Content-Lengths (RFC 9110, 8.6; RFC 9112, 6.3).
    {POST_ "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", 400,
     "several Content-Lengths (RFC 9110, 8.6)"},
    {POST_ "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400,
     "several Content-Lengths (RFC 9110, 8.6)"},
    {POST_ "Content-Length: 5, 6\r\n\r\nhello", 400, "Content-Length"},
    {POST_ "Content-Length: 5, 5\r\n\r\nhello", 400, "not one number (RFC 9110, 8.6)"},
    {POST_ "Content-Length: 5,\r\n\r\nhello", 400, "not one number (RFC 9110, 8.6)"},
    {POST_ "Content-Length: +5\r\n\r\nhello", 400, "not one number (RFC 9110, 8.6)"},
    {POST_ "Content-Length: -5\r\n\r\nhello", 400, "not one number (RFC 9110, 8.6)"},
    {POST_ "Content-Length: 0x5\r\n\r\nhello", 400, "not one number (RFC 9110, 8.6)"},
    {POST_ "Content-Length: 5 5\r\n\r\nhello", 400, "not one number (RFC 9110, 8.6)"},
    {POST_ "Content-Length: 5.0\r\n\r\nhello", 400, "not one number (RFC 9110, 8.6)"},
    {POST_ "Content-Length: five\r\n\r\nhello", 400, "not one number (RFC 9110, 8.6)"},
    {POST_ "Content-Length:\r\n\r\nhello", 400, "not one number (RFC 9110, 8.6)"},
    {POST_ "Content-Length: 18446744073709551616\r\n\r\nhello", 400, "not one number (RFC 9110, 8.6)"},
    {POST_ "Content-Length: 18446744073709551621\r\n\r\nhello", 400, "not one number (RFC 9110, 8.6)"},
    // Transfer-Encoding that is not exactly chunked (RFC 9112, 6.1 and 6.3).
    {POST_ "Transfer-Encoding: identity\r\n\r\n", 400, "is not chunked (RFC 9112, 6.1)"},
    {POST_ "Transfer-Encoding:\r\n\r\n", 400, "is not chunked (RFC 9112, 6.1)"},
    {POST_ "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400, "is not chunked (RFC 9112, 6.1)"},
    {POST_ "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400, "is not chunked (RFC 9112, 6.1)"},
    {POST_ "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400, "is not chunked (RFC 9112, 6.1)"},
    {POST_ "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", 400, "is not chunked (RFC 9112, 6.1)"},
    {POST_ "Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n", 400, "is not chunked (RFC 9112, 6.1)"},
    {POST_ "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
     "chunked (RFC 9112, 6.1)"},
    {POST_ "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
     "chunked (RFC 9112, 6.1)"},
    {POST_ "Transfer-Encoding: gzip\r\n\r\n", 400, "is not chunked (RFC 9112, 6.1)"},
    {POST_ "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501, "more than chunked (RFC 9112, 6.1)"},
    {POST_ "Transfer-Encoding: , chunked\r\n\r\n0\r\n\r\n", 501, "more than chunked (RFC 9112, 6.1)"},
    {"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
     "HTTP/1.0 (RFC 9112, 6.1)"},
    {POST_ "Transfer-Encoding: chun\vked\r\n\r\n0\r\n\r\n", 400, "control character (RFC 9110, 5.5)"},
    {POST_ "Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n", 400, "control character (RFC 9110, 5.5)"},
    {POST_ "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400, "white space between a field name"},
    {POST_ "Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n", 400, "white space between a field name"},
    {POST_ " Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "obs-fold"},
    {POST_ "X: 1\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "obs-fold"},
    {POST_ "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 400, "obs-fold"},
    {POST_ "X: 1\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "LF without CR (RFC 9112, 2.2)"},
    {POST_ "X: 1\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
     "CR is not followed by LF (RFC 9112, 2.2)"},
    // Chunks (RFC 9112, 7.1).
    {POST_ "Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n", 400, "LF without CR (RFC 9112, 2.2)"},
    {POST_ "Transfer-Encoding: chunked\r\n\r\n5;\n\r\nhello\r\n0\r\n\r\n", 400,
     "LF without CR (RFC 9112, 2.2)"},
    {POST_ "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloGET0\r\n\r\n", 400, "longer than its size (RFC"},
    {POST_ "Transfer-Encoding: chunked\r\n\r\n00000000000000005\r\nhello\r\n", 400,
     "too many digits (RFC 9112, 7.1)"},
    {POST_ "Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n", 400,
     "hexadecimal number (RFC 9112, 7.1)"},
    {POST_ "Transfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n", 400,
     "hexadecimal number (RFC 9112, 7.1)"},
    {POST_ "Transfer-Encoding: chunked\r\n\r\n0\r\nX : 1\r\n\r\n", 400, "white space between a field name"},
    // Lines (RFC 9112, 2.2).
    {"GET / HTTP/1.1\nHost: a\r\n\r\n", 400, "LF without CR (RFC 9112, 2.2)"},
    {GET_ "Host: a\n\r\n", 400, "LF without CR (RFC 9112, 2.2)"},
    {GET_ "Host: a\r\n\n", 400, "LF without CR (RFC 9112, 2.2)"},
    {"GET /\nHost: a\r\n\r\n", 400, "LF without CR (RFC 9112, 2.2)"},
    {GET_ "Host: a\r\rX: 1\r\n\r\n", 400, "CR is not followed by LF (RFC 9112, 2.2)"},
    {GET_ "Host: a\r\n\rX: 1\r\n\r\n", 400, "CR is not followed by LF (RFC 9112, 2.2)"},
    {"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "not a token (RFC 9112, 3.1)"},
    {"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "LF without CR (RFC 9112, 2.2)"},
    {"\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "CR is not followed by LF (RFC 9112, 2.2)"},
    {GET_ " Host: a\r\n\r\n", 400, "obs-fold"},
    {GET_ HOST_ "X: a\r\n b\r\n\r\n", 400, "obs-fold"},
    {GET_ HOST_ "X: a\r\n\tb\r\n\r\n", 400, "obs-fold"},
    {GET_ HOST_ "X: a\r\n \r\n\r\n", 400, "obs-fold"},
    // Field names and values (RFC 9110, 5.1 and 5.5; RFC 9112, 5).
    {GET_ HOST_ "X : a\r\n\r\n", 400, "white space between a field name"},
    {GET_ HOST_ ": a\r\n\r\n", 400, "no name (RFC 9112, 5)"},
    {GET_ HOST_ "X\r\n\r\n", 400, "no colon (RFC 9112, 5)"},
    {GET_ HOST_ "X Y: a\r\n\r\n", 400, "white space between a field name"},
    {GET_ HOST_ "X(Y): a\r\n\r\n", 400, "field name is not a token (RFC 9110, 5.1)"},
    {GET_ HOST_ "X\xc3\xa4: a\r\n\r\n", 400, "field name is not a token (RFC 9110, 5.1)"},
    {GET_ HOST_ "X\0Y: a\r\n\r\n"sv, 400, "field name is not a token (RFC 9110, 5.1)"},
    {GET_ HOST_ "X: a\0b\r\n\r\n"sv, 400, "control character (RFC 9110, 5.5)"},
    {GET_ HOST_ "X: a\x01\r\n\r\n", 400, "control character (RFC 9110, 5.5)"},
    {GET_ HOST_ "X: a\x1b[2J\r\n\r\n", 400, "control character (RFC 9110, 5.5)"},
    {GET_ HOST_ "X: a\x7f\r\n\r\n", 400, "control character (RFC 9110, 5.5)"},
    {GET_ HOST_ "Connection: close;\r\n\r\n", 400, "not a list of tokens (RFC 9110, 7.6.1)"},
    // Host (RFC 9112, 3.2).
    {GET_ "\r\n", 400, "no Host (RFC 9112, 3.2)"},
    {GET_ HOST_ HOST_ "\r\n", 400, "several Hosts (RFC 9112, 3.2)"},
    {GET_ HOST_ "Host: b\r\n\r\n", 400, "several Hosts (RFC 9112, 3.2)"},
    {"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400, "several Hosts (RFC 9112, 3.2)"},
    {GET_ "Host: a b\r\n\r\n", 400, "Host is not a host"},
    {GET_ "Host: a, b\r\n\r\n", 400, "Host is not a host"},
    {GET_ "Host: a/b\r\n\r\n", 400, "Host is not a host"},
    {GET_ "Host: user@a\r\n\r\n", 400, "Host is not a host"},
    {GET_ "Host: a:x\r\n\r\n", 400, "Host is not a host"},
    {GET_ "Host: a:1:2\r\n\r\n", 400, "Host is not a host"},
    {GET_ "Host: [::1\r\n\r\n", 400, "Host is not a host"},
    {GET_ "Host: []\r\n\r\n", 400, "Host is not a host"},
    {GET_ "Host: [::1]x\r\n\r\n", 400, "Host is not a host"},
    {GET_ "Host: http://a\r\n\r\n", 400, "Host is not a host"},
    // Request lines (RFC 9112, 3).
    {"GET  / HTTP/1.1\r\n" HOST_ "\r\n", 400, "more than one space"},
    {"GET /  HTTP/1.1\r\n" HOST_ "\r\n", 400, "does not end in an HTTP version"},
    {"GET / HTTP/1.1 \r\n" HOST_ "\r\n", 400, "does not end in an HTTP version"},
    {"GET / a HTTP/1.1\r\n" HOST_ "\r\n", 400, "does not end in an HTTP version"},
    {"GET\t/ HTTP/1.1\r\n" HOST_ "\r\n", 400, "the method is not a token (RFC 9112, 3.1)"},
    {"GET /\tHTTP/1.1\r\n" HOST_ "\r\n", 400, "no URI may have (RFC 9112, 3.2)"},
    {" GET / HTTP/1.1\r\n" HOST_ "\r\n", 400, "the method is not a token (RFC 9112, 3.1)"},
    {"G@T / HTTP/1.1\r\n" HOST_ "\r\n", 400, "the method is not a token (RFC 9112, 3.1)"},
    {"GET\r\n\r\n", 400, "the method is not a token (RFC 9112, 3.1)"},
    {"GET /\r\n\r\n", 400, "HTTP/0.9 is not served (RFC 9112, 3)"},
    {"GET / \r\n\r\n", 400, "does not end in an HTTP version"},
    {"GET / HTTP/2.0\r\n" HOST_ "\r\n", 505, "version of HTTP is not served"},
    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "version of HTTP is not served"},
    {"GET / HTTP/0.9\r\n" HOST_ "\r\n", 505, "version of HTTP is not served"},
    {"GET / HTTP/1.2\r\n" HOST_ "\r\n", 505, "version of HTTP is not served"},
    {"GET / HTTP/3.0\r\n" HOST_ "\r\n", 505, "version of HTTP is not served"},
    {"GET / HTTP/11.1\r\n" HOST_ "\r\n", 400, "does not end in an HTTP version"},
    {"GET / HTTP/1.\r\n" HOST_ "\r\n", 400, "does not end in an HTTP version"},
    {"GET / HTTP/1,1\r\n" HOST_ "\r\n", 400, "does not end in an HTTP version"},
    {"GET / http/1.1\r\n" HOST_ "\r\n", 400, "does not end in an HTTP version"},
    {"GET / HTTPS/1.1\r\n" HOST_ "\r\n", 400, "does not end in an HTTP version"},
    // Targets (RFC 9112, 3.2).
    {"GET /a\0b HTTP/1.1\r\n" HOST_ "\r\n"sv, 400, "no URI may have (RFC 9112, 3.2)"},
    {"GET /\x7f HTTP/1.1\r\n" HOST_ "\r\n", 400, "no URI may have (RFC 9112, 3.2)"},
    {"GET /\xc3\xa4 HTTP/1.1\r\n" HOST_ "\r\n", 400, "no URI may have (RFC 9112, 3.2)"},
    {"GET /#fragment HTTP/1.1\r\n" HOST_ "\r\n", 400, "no URI may have (RFC 9112, 3.2)"},
    {"GET /a\\b HTTP/1.1\r\n" HOST_ "\r\n", 400, "no URI may have (RFC 9112, 3.2)"},
    {"GET /<script> HTTP/1.1\r\n" HOST_ "\r\n", 400, "no URI may have (RFC 9112, 3.2)"},
    {"GET /\"a\" HTTP/1.1\r\n" HOST_ "\r\n", 400, "no URI may have (RFC 9112, 3.2)"},
    {"GET /% HTTP/1.1\r\n" HOST_ "\r\n", 400, "two hexadecimal digits (RFC 3986, 2.1)"},
    {"GET /%2 HTTP/1.1\r\n" HOST_ "\r\n", 400, "two hexadecimal digits (RFC 3986, 2.1)"},
    {"GET /%2g?a HTTP/1.1\r\n" HOST_ "\r\n", 400, "two hexadecimal digits (RFC 3986, 2.1)"},
    {"GET a HTTP/1.1\r\n" HOST_ "\r\n", 400, "neither a path nor a URI (RFC 9112, 3.2)"},
    {"GET ?a HTTP/1.1\r\n" HOST_ "\r\n", 400, "neither a path nor a URI (RFC 9112, 3.2)"},
    {"GET a:80 HTTP/1.1\r\n" HOST_ "\r\n", 400, "neither a path nor a URI (RFC 9112, 3.2)"},
    {"GET * HTTP/1.1\r\n" HOST_ "\r\n", 400, "for OPTIONS alone (RFC 9112, 3.2.4)"},
    {"CONNECT a:80 HTTP/1.1\r\n" HOST_ "\r\n", 501, "CONNECT is not served (RFC 9110, 9.3.6)"},
    {"GET http://b/ HTTP/1.1\r\n" HOST_ "\r\n", 400, "not Host's (RFC 9112, 3.2.2)"},
    {"GET http://user@a/ HTTP/1.1\r\n" HOST_ "\r\n", 400, "not Host's (RFC 9112, 3.2.2)"},
    {"GET http:///a HTTP/1.1\r\n" HOST_ "\r\n", 400, "not Host's (RFC 9112, 3.2.2)"},
    {"GET http:/// HTTP/1.1\r\nHost:\r\n\r\n", 400, "not Host's (RFC 9112, 3.2.2)"},
    {"GET ftp://a/ HTTP/1.1\r\n" HOST_ "\r\n", 400, "scheme that is not served (RFC 9112, 3.2.2)"},
    // Expectations (RFC 9110, 10.1.1).
    {GET_ HOST_ "Expect: more\r\n\r\n", 417, "more than 100-continue (RFC 9110, 10.1.1)"},
    // Other protocols.
    {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"sv, 400, "the method is not a token (RFC 9112, 3.1)"},
    {"\0\0\x12\x04\0\0\0\0\0"sv, 400, "the method is not a token (RFC 9112, 3.1)"},
    {"SSH-2.0-OpenSSH_9.2\r\n", 400, "the method is not a token (RFC 9112, 3.1)"},
    {"{\"method\":\"GET\"}", 400, "the method is not a token (RFC 9112, 3.1)"},
};

/// Requests that look odd and are well-formed: the one behind them is served too.
const Case served[] = {
    {POST_ "Content-Length: 5\r\n\r\nhello", 200, "5"},
    {POST_ "Content-Length: 005\r\n\r\nhello", 200, "5"},
    {POST_ "Content-Length:\t 5 \t\r\n\r\nhello", 200, "5"},
    {POST_ "Content-Length: 0\r\n\r\n", 200, "0"},
    {POST_ "Content-Length: 5\r\n\r\nGET /", 200, "5"},
    {POST_ "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 200, "5"},
    {POST_ "Transfer-Encoding:   CHUNKED\t\r\n\r\n5\r\nGET /\r\n0\r\n\r\n", 200, "5"},
    {POST_ "Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 40\r\nHost: b\r\n\r\n", 200, "0"},
    {POST_ "X-Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\nx", 200, "1"},
    {"\r\nGET / HTTP/1.1\r\n" HOST_ "\r\n", 200, "0"},
    {"GET /a?match[]=b&c=%2F//@: HTTP/1.1\r\nhOST: a\r\n\r\n", 200, "0"},
    {"GET http://A/path HTTP/1.1\r\n" HOST_ "\r\n", 200, "0"},
    {"GET https://a?query HTTP/1.1\r\n" HOST_ "\r\n", 200, "0"},
    {"OPTIONS * HTTP/1.1\r\n" HOST_ "\r\n", 200, "0"},
    {"X-!#$%&'*+.^_`|~ / HTTP/1.1\r\n" HOST_ "\r\n", 200, "0"},
    {GET_ "Host:\r\n\r\n", 200, "0"},
    {GET_ "Host: [::1]:80\r\n\r\n", 200, "0"},
    {GET_ "Host: a.b-c_d:\r\n\r\n", 200, "0"},
    {GET_ HOST_ "X:\r\nY: \xc3\xa4\xff\r\nZ: a\tb\r\n\r\n", 200, "0"},
    {GET_ HOST_ "Connection: keep-alive, Upgrade\r\nUpgrade: h2c\r\n\r\n", 200, "0"},
    {GET_ HOST_ "Expect: 100-continue\r\n\r\n", 200, "0"},
};

#undef GET_
#undef POST_
#undef HOST_

bool ends_with_body(std::string_view sent, std::string_view body) {
  return sent.ends_with("\r\n\r\n" + std::string(body));
}

}  // namespace

static_assert(std::size(refused) + std::size(served) >= 60);

TEST_CASE("a malformed request is refused with its cause, and nothing behind it is served") {
  for (const auto& [bytes, status, cause] : refused) {
    CAPTURE(bytes);
    const Outcome outcome = outcome_however_cut(std::string(bytes) + std::string(behind), with_bodies);
    CHECK(statuses(outcome.sent) == std::vector{status});
    CHECK(outcome.sent.find("content-type: text/plain\r\n") != std::string::npos);
    CHECK(outcome.sent.find("connection: close\r\n") != std::string::npos);
    CHECK_MESSAGE(outcome.failure.find(cause) != std::string::npos, outcome.failure);
    CHECK(outcome.failure.find("RFC ") != std::string::npos);
    CHECK(ends_with_body(outcome.sent, outcome.failure + '\n'));
    CHECK(outcome.finished);
    for (const std::string& event : outcome.events) {
      CHECK_FALSE(event.starts_with("end"));
      CHECK(event.find("smuggled") == std::string::npos);
    }
  }
}

TEST_CASE("a well-formed request is served, and the one behind it") {
  for (const auto& [bytes, status, length] : served) {
    CAPTURE(bytes);
    const Outcome outcome = outcome_however_cut(std::string(bytes) + std::string(behind), with_bodies);
    CHECK(statuses(outcome.sent) == std::vector{status, status});
    CHECK(outcome.sent.find("\r\n\r\n" + std::string(length) + "HTTP/1.1 200 ") != std::string::npos);
    CHECK(outcome.failure.empty());
    CHECK_FALSE(outcome.finished);
    CHECK(outcome.events.size() >= 3);
    CHECK(outcome.events[outcome.events.size() - 3] == "request GET /smuggled");
  }
}
