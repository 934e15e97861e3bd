// The messages in a body: whatever arrives in whatever pieces, each message is within the limit, those
// without compression are the bytes that their prefixes announce, and a fault is the last thing that happens.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fuzz/target.h"
#include "rpc/message/compressor.h"
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

/// A message and the bytes that it arrives as.
struct Arrival {
  std::string message;
  std::string bytes;
};

Arrival next_arrival(Input& input, Compression encoding) {
  Arrival made;
  const bool compressed = !input.flag() && encoding != Compression::identity;
  const std::uint32_t repeated = 1 + input.number(16);
  const std::string_view unit = input.text(60);
  for (std::uint32_t count = repeated; count > 0; --count) made.message += unit;
  std::vector<std::uint8_t> framed(MessageBuffer::prefix_bytes);
  if (compressed) {
    compress(encoding, as_bytes(made.message), framed);
  } else {
    framed.insert(framed.end(), made.message.begin(), made.message.end());
  }
  MessageBuffer::write_prefix(framed.data(), framed.size() - MessageBuffer::prefix_bytes, compressed);
  made.bytes = as_text(framed);
  return made;
}

/// What was taken are the first of the messages, and all of them without a fault.
void check_taken(const std::vector<std::string>& taken, const std::vector<std::string>& messages,
                 bool without_fault) {
  CHECK(taken.size() <= messages.size());
  CHECK(std::equal(taken.begin(), taken.end(), messages.begin()));
  if (without_fault) CHECK(taken.size() == messages.size());
}

}  // namespace

void run(Input input) {
  SlabPool slabs;
  Input setup = input.record();
  const Compression encodings[] = {Compression::gzip, Compression::identity, Compression::deflate,
                                   Compression::zstd};
  const Compression encoding = setup.pick(encodings);
  const std::size_t width = 255 - setup.byte();
  const std::size_t most = 1 + width * (255 - setup.byte());
  MessageBuffer buffer(slabs, most);
  buffer.set_encoding(encoding);
  std::string body;
  std::vector<std::string> sent;
  std::vector<std::string> taken;
  bool whole = true;
  bool plain = true;
  const auto take = [&](Input& choices) {
    if (!buffer.ready()) return;
    plain = plain && buffer.next_compression() == Compression::identity;
    if (choices.number(8) == 7) (void)buffer.restore_next(choices.byte());
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
    Input record = input.record();
    const bool any = record.number(8) == 7;
    const std::uint32_t takes = (1 + record.number(4)) % 4;
    std::string bytes;
    if (any) {
      whole = false;
      bytes = record.rest();
    } else {
      Arrival arrival = next_arrival(record, encoding);
      sent.push_back(std::move(arrival.message));
      bytes = std::move(arrival.bytes);
    }
    body += bytes;
    for (std::string_view rest = bytes; !rest.empty() && buffer.fault().ok();) {
      const std::size_t chosen = record.byte();
      const std::string piece(rest.substr(0, chosen == 0 ? rest.size() : chosen));
      rest.remove_prefix(piece.size());
      if (!buffer.add(as_bytes(piece)).ok()) break;
      for (std::uint32_t count = takes; count > 0; --count) take(record);
      buffer.keep();
      CHECK(buffer.held_bytes() <= 8 * most + 64 * 1024 + buffer.available());
    }
  }
  while (buffer.ready()) take(input);
  if (whole) check_taken(taken, sent, buffer.fault().ok());
  if (plain) check_taken(taken, plain_messages(body, most), buffer.fault().ok());
}

}  // namespace ringrpc::fuzz
