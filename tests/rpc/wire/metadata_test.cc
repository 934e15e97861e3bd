#include "ringrpc/metadata.h"

#include <doctest/doctest.h>
#include <string>

#include "rpc/wire/metadata_wire.h"

namespace ringrpc {
namespace {

TEST_CASE("metadata takes names and values that the wire can carry") {
  Metadata metadata;
  CHECK(metadata.add("x-trace.id_1", "value with spaces ~").ok());
  CHECK(metadata.add("x-bytes-bin", std::string_view("\0\xff\n", 3)).ok());
  CHECK(metadata.find("x-trace.id_1") == "value with spaces ~");
  CHECK_FALSE(metadata.find("absent"));
}

TEST_CASE("metadata refuses fields that would break the protocol") {
  Metadata metadata;
  for (const char* bad :
       {"", "Upper", "with space", "colon:", ":path", "grpc-status", "content-type", "te", "new\nline"})
    CHECK(metadata.add(bad, "x").code() == Code::INVALID_ARGUMENT);
  // Fields that make a message malformed (RFC 9113, 8.2.2 and 8.1.1).
  for (const char* bad : {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade",
                          "content-length", "host"})
    CHECK(metadata.add(bad, "x").code() == Code::INVALID_ARGUMENT);
  for (const char* bad : {"line\nbreak", "\r", "\x7f", "\xc3\xa4", " x", "x "})
    CHECK(metadata.add("x-text", bad).code() == Code::INVALID_ARGUMENT);
  CHECK(metadata.empty());
}

TEST_CASE("binary metadata survives the wire, several values in one field included") {
  Metadata metadata;
  REQUIRE(metadata.add("a-bin", std::string_view("\0\x01", 2)).ok());
  REQUIRE(metadata.add("b", "text").ok());
  http2::Headers headers{{":path", "/x"}, {"te", "trailers"}, {"grpc-timeout", "1S"}};
  std::deque<std::string> storage;
  append_metadata(metadata, headers, storage);
  headers.push_back({"c-bin", "Zg==,Zm8"});

  const Result<Metadata> read = read_metadata(headers);
  REQUIRE(read);
  CHECK(read->size() == 4);
  CHECK(read->find("a-bin") == std::string_view("\0\x01", 2));
  CHECK(read->find("b") == "text");
  CHECK(read->find("c-bin") == "f");
}

TEST_CASE("binary metadata that is not base64 is refused") {
  const http2::Headers headers{{"a-bin", "not base64!"}};
  const Result<Metadata> read = read_metadata(headers);
  REQUIRE_FALSE(read);
  CHECK(read.error().code() == Code::INTERNAL);
}

}  // namespace
}  // namespace ringrpc
