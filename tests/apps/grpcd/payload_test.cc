#include "grpcd/payload.h"

#include <doctest/doctest.h>

namespace ringrpc::grpcd {
namespace {

TEST_CASE("a payload is described in the requested detail") {
  CHECK(describe_payload(PayloadLog::none, "hi") == "");
  CHECK(describe_payload(PayloadLog::size, "") == "0 bytes");
  CHECK(describe_payload(PayloadLog::size, "h") == "1 byte");
  CHECK(describe_payload(PayloadLog::head, "hi") == "2 bytes \"hi\"");
  CHECK(describe_payload(PayloadLog::full, "hi") == "2 bytes \"hi\"");
}

TEST_CASE("the head of a payload has 64 bytes; a full payload is cut like a log line") {
  CHECK(describe_payload(PayloadLog::head, std::string(64, 'a')) ==
        "64 bytes \"" + std::string(64, 'a') + "\"");
  CHECK(describe_payload(PayloadLog::head, std::string(65, 'a')) ==
        "65 bytes \"" + std::string(64, 'a') + "\" ...");
  CHECK(describe_payload(PayloadLog::full, std::string(65, 'a')) ==
        "65 bytes \"" + std::string(65, 'a') + "\"");
  CHECK(describe_payload(PayloadLog::full, std::string(5000, 'a')) ==
        "5000 bytes \"" + std::string(4096, 'a') + "\" ...");
}

TEST_CASE("bytes that could forge a line, control a terminal or end the quotes are escaped") {
  CHECK(describe_payload(PayloadLog::head, std::string_view("a\"\\\r\n\x1b[0m\0\x7f\x9b\xff", 13)) ==
        "13 bytes \"a\\\"\\\\\\x0d\\x0a\\x1b[0m\\x00\\x7f\\x9b\\xff\"");
}

}  // namespace
}  // namespace ringrpc::grpcd
