#include "rpc/message_buffer.h"

#include <doctest/doctest.h>
#include <string>
#include <vector>

namespace ringrpc {
namespace {

std::string framed(std::string_view message) {
  std::string bytes(MessageBuffer::prefix_bytes, '\0');
  MessageBuffer::write_prefix(reinterpret_cast<std::uint8_t*>(bytes.data()), message.size());
  return bytes.append(message);
}

TEST_CASE("messages come out whole however the bytes are cut") {
  const std::vector<std::string> messages{"first", "", std::string(1000, 'x'), "last"};
  std::string wire;
  for (const std::string& message : messages) wire += framed(message);

  for (std::size_t piece = 1; piece <= wire.size(); ++piece) {
    MessageBuffer buffer(4096);
    std::vector<std::string> received;
    for (std::size_t at = 0; at < wire.size(); at += piece) {
      const std::string part = wire.substr(at, piece);  // its memory goes at the end of the turn
      REQUIRE(buffer.add(as_bytes(part)).ok());
      if (at % 3 == 0)
        while (buffer.ready()) received.emplace_back(as_text(*buffer.take()));
      buffer.keep();
    }
    while (buffer.ready()) received.emplace_back(as_text(*buffer.take()));
    REQUIRE(received == messages);
    CHECK(buffer.empty());
  }
}

TEST_CASE("a message that arrives whole is not copied") {
  const std::string wire = framed("in place");
  MessageBuffer buffer(4096);
  REQUIRE(buffer.add(as_bytes(wire)).ok());
  CHECK(buffer.take()->data() == as_bytes(wire).data() + MessageBuffer::prefix_bytes);
}

TEST_CASE("a length beyond the limit is refused before the message arrives") {
  MessageBuffer buffer(100);
  const Status status = buffer.add(Bytes(std::vector<std::uint8_t>{0, 0xff, 0xff, 0xff, 0xff}));
  CHECK(status.code() == Code::RESOURCE_EXHAUSTED);
  CHECK(status.message() == "received a message of 4294967295 bytes, the limit is 100");
}

TEST_CASE("the limit itself is allowed, one more is not") {
  MessageBuffer buffer(100);
  CHECK(buffer.add(as_bytes(framed(std::string(100, 'x')))).ok());
  MessageBuffer other(100);
  CHECK_FALSE(other.add(as_bytes(framed(std::string(101, 'x')))).ok());
}

TEST_CASE("a fault behind a good message shows when that is taken") {
  const std::string wire = framed("good") + std::string("\x01\0\0\0\x01x", 6);
  MessageBuffer buffer(100);
  REQUIRE(buffer.add(as_bytes(wire)).ok());
  CHECK(buffer.more_than_one());
  CHECK(as_text(*buffer.take()) == "good");
  CHECK(buffer.fault().code() == Code::INTERNAL);
  CHECK_FALSE(buffer.ready());
}

TEST_CASE("an announced length takes no memory") {
  MessageBuffer buffer(std::size_t{1} << 32);
  const std::vector<std::uint8_t> prefix{0, 0xff, 0xff, 0xff, 0xff, 'x'};
  REQUIRE(buffer.add(prefix).ok());
  buffer.keep();
  CHECK_FALSE(buffer.ready());
  CHECK(buffer.available() == prefix.size());
}

}  // namespace
}  // namespace ringrpc
