#include "rpc/client/replay_buffer.h"

#include <algorithm>
#include <doctest/doctest.h>
#include <string>
#include <vector>

#include "base/slab.h"

namespace ringrpc {
namespace {

void write(ReplayBuffer& replay, std::string_view message, bool may_compress = true) {
  const std::span<std::uint8_t> room = replay.add_message(message.size(), may_compress);
  REQUIRE(room.size() == message.size());
  std::ranges::copy(message, room.begin());
}

struct Received {
  std::string text;
  bool compressed;
  bool operator==(const Received&) const = default;
};

std::vector<Received> receive(const ReplayBuffer& replay, Compression compression) {
  SlabPool slabs;
  MessageBuffer buffer(slabs, 1024 * 1024);
  buffer.set_encoding(compression);
  std::vector<Received> messages;
  CHECK(buffer.add(replay.bytes()).ok());
  while (buffer.ready()) {
    const auto message = buffer.take();
    REQUIRE(message);
    std::string text;
    for (const Bytes piece : *message) text.append(piece.begin(), piece.end());
    messages.push_back({text, buffer.took_compressed()});
  }
  CHECK(buffer.empty());
  return messages;
}

TEST_CASE("a request is replayed once after it was sent, and always when it was not") {
  using Refused = ReplayBuffer::Refused;
  ReplayBuffer replay;
  write(replay, "x");
  CHECK(replay.replay(Refused::before_it_left));
  CHECK(replay.replay(Refused::before_it_left));
  CHECK(replay.replay(Refused::by_the_server));
  CHECK(replay.replay(Refused::before_it_left));
  CHECK_FALSE(replay.replay(Refused::by_the_server));
}

TEST_CASE("a committed request is not kept") {
  ReplayBuffer replay;
  write(replay, "x");
  replay.commit();
  CHECK_FALSE(replay.kept());
  CHECK(replay.size() == 0);
  CHECK_FALSE(replay.replay(ReplayBuffer::Refused::before_it_left));
  CHECK_FALSE(replay.replay(ReplayBuffer::Refused::by_the_server));
}

TEST_CASE("messages are compressed once it is known how, except those that may not be") {
  const std::string large(1000, 'l');
  for (const Compression compression : {Compression::identity, Compression::gzip}) {
    ReplayBuffer replay;
    write(replay, large);
    write(replay, "");
    write(replay, large, false);
    replay.settle_compression(compression);
    const bool compressed = compression != Compression::identity;
    CHECK(receive(replay, compression) ==
          std::vector<Received>{{large, compressed}, {"", false}, {large, false}});
    CHECK((replay.size() < 2 * large.size()) == compressed);
  }
}

}  // namespace
}  // namespace ringrpc
