#include "rpc/message/compressor.h"

#include <doctest/doctest.h>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace ringrpc {
namespace {

constexpr std::size_t limit = 1'000'000;
constexpr std::array every_compression{Compression::gzip, Compression::deflate, Compression::zstd};

std::string compressed(Compression how, std::string_view message) {
  std::vector<std::uint8_t> bytes;
  compress(how, as_bytes(message), bytes);
  return std::string(as_text(bytes));
}

struct Restored {
  Status status;
  std::string message;
};

Restored restored(Compression how, std::string_view bytes, std::size_t max_bytes = limit) {
  std::vector<std::uint8_t> message;
  Status status = decompress(how, as_bytes(bytes), max_bytes, message);
  return {std::move(status), std::string(as_text(message))};
}

/// Text that compresses to about half of its size.
std::string letters(std::size_t bytes) {
  std::minstd_rand random(7);
  std::string text(bytes, '\0');
  for (char& letter : text) letter = static_cast<char>('a' + random() % 16);
  return text;
}

TEST_CASE("compressed data of any size is restored") {
  for (const Compression how : every_compression) {
    CAPTURE(name(how));
    for (const std::size_t bytes : {0uz, 1uz, 100uz, 4096uz, 4097uz, 300'000uz, limit}) {
      const std::string message = letters(bytes);
      const Restored result = restored(how, compressed(how, message));
      CHECK(result.status.ok());
      CHECK(result.message == message);
    }
  }
}

TEST_CASE("compressing appends and makes smaller") {
  for (const Compression how : every_compression) {
    CAPTURE(name(how));
    std::vector<std::uint8_t> bytes{1, 2, 3};
    compress(how, as_bytes(letters(10'000)), bytes);
    CHECK(bytes[0] == 1);
    CHECK(bytes[2] == 3);
    CHECK(bytes.size() < 8'000);
  }
}

TEST_CASE("the limit applies to the decompressed size: one byte more is refused") {
  for (const Compression how : every_compression) {
    CAPTURE(name(how));
    const std::string bytes = compressed(how, std::string(50'000, 'x'));
    CHECK(bytes.size() < 500);
    CHECK(restored(how, bytes, 50'000).status.ok());
    const Status refused = restored(how, bytes, 49'999).status;
    CHECK(refused.code() == Code::RESOURCE_EXHAUSTED);
    CHECK(refused.message() ==
          "received a message that is larger than the limit of 49999 bytes when decompressed");
  }
}

TEST_CASE("the largest limit is no limit") {
  const std::string message = letters(100'000);
  for (const Compression how : every_compression)
    CHECK(restored(how, compressed(how, message), std::numeric_limits<std::size_t>::max()).message ==
          message);
}

TEST_CASE("decompression stops at the limit") {
  for (const Compression how : every_compression) {
    CAPTURE(name(how));
    std::vector<std::uint8_t> message;
    const std::string bomb = compressed(how, std::string(100'000'000, '\0'));
    CHECK(decompress(how, as_bytes(bomb), 5'000, message).code() == Code::RESOURCE_EXHAUSTED);
    CHECK(message.capacity() <= 2 * std::max(bomb.size(), 5'001uz));
  }
}

TEST_CASE("data that is cut, changed or followed by more is refused") {
  for (const Compression how : every_compression) {
    CAPTURE(name(how));
    const std::string bytes = compressed(how, letters(2'000));
    for (std::size_t length = 0; length < bytes.size(); ++length)
      CHECK(restored(how, bytes.substr(0, length)).status.code() == Code::INTERNAL);
    CHECK(restored(how, bytes + "x").status.code() == Code::INTERNAL);
    CHECK(restored(how, "this is not such data").status.message() ==
          "a message is not the " + std::string(name(how)) + " data it claims to be");
    CHECK(restored(how, bytes).status.ok());  // what failed before leaves nothing behind
  }
}

TEST_CASE("a zstd frame that wants a larger window than decoders must have is refused") {
  // Magic number, a descriptor without content size, a window of 16 MiB (exponent 14), one empty last block.
  const std::string frame("\x28\xb5\x2f\xfd\x00\x70\x01\x00\x00", 9);
  CHECK(restored(Compression::zstd, frame).status.code() == Code::INTERNAL);
  std::string smaller = frame;
  smaller[5] = 0x68;  // 8 MiB
  CHECK(restored(Compression::zstd, smaller).status.ok());
}

TEST_CASE("names are gRPC's") {
  std::string names("identity");
  for (const Compression how : every_compression) {
    names.append(",").append(name(how));
    CHECK(parse_compression(name(how)) == how);
  }
  CHECK(names == compression_names);
  CHECK(parse_compression("identity") == Compression::identity);
  CHECK_FALSE(parse_compression("snappy"));
  CHECK_FALSE(parse_compression("GZIP"));
  CHECK_FALSE(parse_compression(""));
}

}  // namespace
}  // namespace ringrpc
