// The messages in a body: whatever arrives in whatever pieces, each message is within the limit, those
// without compression are the bytes that their prefixes announce, and a fault is the last thing that happens.
#include <optional>
#include <string>
#include <vector>

#include "fuzz/target.h"
#include "rpc/message/message_buffer.h"

namespace ringrpc::fuzz {
namespace {

std::string joined(const Pieces& message) {
  std::string all;
  for (const Bytes piece : message) all += as_text(piece);
  return all;
}

/// The messages of `body` by their prefixes, up to the first that is faulty or incomplete.
std::vector<std::string> plain_messages(std::string_view body, std::size_t most) {
  std::vector<std::string> messages;
  while (body.size() >= MessageBuffer::prefix_bytes && body[0] == 0) {
    std::size_t length = 0;
    for (std::size_t at = 1; at < MessageBuffer::prefix_bytes; ++at)
      length = length << 8 | static_cast<std::uint8_t>(body[at]);
    if (length > most || body.size() - MessageBuffer::prefix_bytes < length) break;
    messages.emplace_back(body.substr(MessageBuffer::prefix_bytes, length));
    body.remove_prefix(MessageBuffer::prefix_bytes + length);
  }
  return messages;
}

}  // namespace

void run(Input input) {
  SlabPool slabs;
  const std::size_t most = 1 + std::size_t{input.byte()} * input.byte();
  const Compression encodings[] = {Compression::identity, Compression::gzip, Compression::deflate,
                                   Compression::zstd};
  const Compression encoding = input.pick(encodings);
  MessageBuffer buffer(slabs, most);
  buffer.set_encoding(encoding);
  std::string body;
  std::vector<std::string> taken;
  bool plain = true;
  const auto take = [&] {
    if (!buffer.ready()) return;
    plain = plain && buffer.next_compression() == Compression::identity;
    if (input.number(8) == 0) (void)buffer.restore_next(input.byte());
    const std::optional<Pieces> message = buffer.take();
    if (!message) {
      CHECK_FALSE(buffer.fault().ok());
      return;
    }
    CHECK(total_bytes(*message) <= most);
    taken.push_back(joined(*message));
    plant(buffer.took_compressed() && taken.size() > 2 && taken.back().size() > 20);
  };
  while (!input.empty() && buffer.fault().ok()) {
    const std::string piece(input.text(200));
    body += piece;
    if (!buffer.add(as_bytes(piece)).ok()) break;
    for (std::uint32_t takes = input.number(4); takes > 0; --takes) take();
    buffer.keep();
    CHECK(buffer.held_bytes() <= 8 * most + 64 * 1024);
  }
  while (buffer.ready()) take();
  if (!plain) return;
  const std::vector<std::string> expected = plain_messages(body, most);
  CHECK(taken.size() <= expected.size());
  CHECK(std::equal(taken.begin(), taken.end(), expected.begin()));
  if (buffer.fault().ok()) CHECK(taken.size() == expected.size());
}

}  // namespace ringrpc::fuzz
