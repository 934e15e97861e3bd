#include "rpc/message/message_buffer.h"

#include <doctest/doctest.h>
#include <string>
#include <vector>

#include "rpc/message/compressor.h"
#include "rpc/message/pattern.h"

namespace ringrpc {
namespace {

std::string framed(std::string_view message) {
  std::string bytes(MessageBuffer::prefix_bytes, '\0');
  MessageBuffer::write_prefix(reinterpret_cast<std::uint8_t*>(bytes.data()), message.size());
  return bytes.append(message);
}

std::string text_of(Pieces pieces) {
  const std::vector<std::uint8_t> whole = join(pieces);
  return std::string(as_text(whole));
}

TEST_CASE("messages come out whole however the bytes are cut") {
  const std::vector<std::string> messages{"first", "", std::string(1000, 'x'), "last"};
  std::string wire;
  for (const std::string& message : messages) wire += framed(message);

  for (std::size_t piece = 1; piece <= wire.size(); ++piece) {
    SlabPool slabs;
    MessageBuffer buffer(slabs, 4096);
    std::vector<std::string> received;
    for (std::size_t at = 0; at < wire.size(); at += piece) {
      const std::string part = wire.substr(at, piece);  // its memory goes at the end of the turn
      REQUIRE(buffer.add(as_bytes(part)).ok());
      if (at % 3 == 0)
        while (buffer.ready()) received.push_back(text_of(*buffer.take()));
      buffer.keep();
    }
    while (buffer.ready()) received.push_back(text_of(*buffer.take()));
    REQUIRE(received == messages);
    CHECK(buffer.empty());
  }
}

TEST_CASE("messages of many slabs come out whole however the bytes are cut") {
  const std::vector<std::string> messages{pattern(3 * Slab::capacity), "",          pattern(5000), "x",
                                          pattern(Slab::capacity),     pattern(100)};
  std::string wire;
  for (const std::string& message : messages) wire += framed(message);

  SlabPool slabs;
  for (const std::size_t piece : {977, 4096, 4097, 16'363, 16'368, 16'384, 40'000}) {
    for (const std::size_t taken_every : {1, 3, 100}) {
      MessageBuffer buffer(slabs, 1 << 20);
      std::vector<std::string> received;
      std::size_t count = 0;
      for (std::size_t at = 0; at < wire.size(); at += piece) {
        const std::string part = wire.substr(at, piece);
        REQUIRE(buffer.add(as_bytes(part)).ok());
        if (++count % taken_every == 0)
          while (buffer.ready()) received.push_back(text_of(*buffer.take()));
        buffer.keep();
        CHECK(buffer.held_bytes() >= buffer.available());
      }
      while (buffer.ready()) received.push_back(text_of(*buffer.take()));
      CHECK(received == messages);
      CHECK(buffer.empty());
      buffer.keep();
      CHECK(slabs.in_use() == 0);
    }
  }
}

TEST_CASE("a large message counts with the slabs that it takes") {
  SlabPool slabs;
  MessageBuffer buffer(slabs, 1 << 20);
  const std::string wire = framed(pattern(100'000));
  REQUIRE(buffer.add(as_bytes(std::string_view(wire).substr(0, 5000))).ok());
  buffer.keep();
  CHECK(buffer.held_bytes() == Slab::total_bytes);
  REQUIRE(buffer.add(as_bytes(std::string_view(wire).substr(5000))).ok());
  CHECK(buffer.held_bytes() == slabs.in_use() * Slab::total_bytes);
  REQUIRE(buffer.take());
  CHECK(buffer.empty());
  CHECK(buffer.held_bytes() == slabs.in_use() * Slab::total_bytes);
  CHECK(slabs.in_use() > 0);
  buffer.keep();
  CHECK(buffer.held_bytes() == 0);
  CHECK(slabs.in_use() == 0);
}

TEST_CASE("a decompressed message counts until its memory is released") {
  std::vector<std::uint8_t> small;
  compress(Compression::gzip, as_bytes(pattern(100'000)), small);
  std::string wire = framed(as_text(small));
  wire[0] = 1;
  SlabPool slabs;
  MessageBuffer buffer(slabs, 1 << 20);
  buffer.set_encoding(Compression::gzip);
  REQUIRE(buffer.add(as_bytes(wire)).ok());
  buffer.keep();
  const std::size_t before = buffer.held_bytes();
  REQUIRE(buffer.restore_next(100'000));
  CHECK(buffer.held_bytes() >= before + 100'000);
  REQUIRE(buffer.take());
  CHECK(buffer.held_bytes() >= 100'000);
  buffer.forget_taken();
  CHECK(buffer.held_bytes() < 100'000);
}

TEST_CASE("a message that arrives whole is not copied") {
  const std::string wire = framed("in place");
  SlabPool slabs;
  MessageBuffer buffer(slabs, 4096);
  REQUIRE(buffer.add(as_bytes(wire)).ok());
  CHECK(buffer.take()->front().data() == as_bytes(wire).data() + MessageBuffer::prefix_bytes);
}

TEST_CASE("a length beyond the limit is refused before the message arrives") {
  SlabPool slabs;
  MessageBuffer buffer(slabs, 100);
  const Status status = buffer.add(Bytes(std::vector<std::uint8_t>{0, 0xff, 0xff, 0xff, 0xff}));
  CHECK(status.code() == Code::RESOURCE_EXHAUSTED);
  CHECK(status.message() == "received a message of 4294967295 bytes, the limit is 100");
}

TEST_CASE("the limit itself is allowed, one more is not") {
  SlabPool slabs;
  MessageBuffer buffer(slabs, 100);
  CHECK(buffer.add(as_bytes(framed(std::string(100, 'x')))).ok());
  MessageBuffer other(slabs, 100);
  CHECK_FALSE(other.add(as_bytes(framed(std::string(101, 'x')))).ok());
}

TEST_CASE("a fault after a good message shows when that message is taken") {
  const std::string wire = framed("good") + std::string("\x01\0\0\0\x01x", 6);
  SlabPool slabs;
  MessageBuffer buffer(slabs, 100);
  REQUIRE(buffer.add(as_bytes(wire)).ok());
  CHECK(buffer.more_than_one());
  CHECK(text_of(*buffer.take()) == "good");
  CHECK(buffer.fault().code() == Code::INTERNAL);
  CHECK_FALSE(buffer.ready());
}

TEST_CASE("an announced length takes no memory") {
  SlabPool slabs;
  MessageBuffer buffer(slabs, std::size_t{1} << 32);
  const std::vector<std::uint8_t> prefix{0, 0xff, 0xff, 0xff, 0xff, 'x'};
  REQUIRE(buffer.add(prefix).ok());
  buffer.keep();
  CHECK_FALSE(buffer.ready());
  CHECK(buffer.available() == prefix.size());
}

}  // namespace
}  // namespace ringrpc
