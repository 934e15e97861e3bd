/// A peer of a client or a server under test that may do anything: it sends frames made by hand and keeps the
/// frames and header blocks that it gets.
///
///   RawPeer peer = RawPeer::before_server(world);      // a client whose connection is up
///   peer.request(1, "/test.v1.Raw/Echo", message("hello"));
///   REQUIRE(world.run_until([&] { return peer.trailers(1); }));
///   CHECK(peer.field(1, "grpc-status") == "0");
#pragma once

#include <doctest/doctest.h>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http2/frames.h"
#include "reactor/peer.h"
#include "rpc/message/message_buffer.h"
#include "rpc/world.h"

namespace ringrpc {

/// A message with gRPC's prefix.
inline std::string message(std::string_view bytes, char flags = 0) {
  return flags + http2::test::number(bytes.size(), 4).append(bytes);
}

class RawPeer {
 public:
  RawPeer(Shard& shard, UniqueFd fd) : RawPeer(shard, shard.io().adopt(std::move(fd))) {}
  RawPeer(Shard& shard, std::unique_ptr<ByteStream> stream) : peer_(shard, std::move(stream)) {
    peer_.on_event = [this] { take_frames(); };
    peer_.start();
  }
  RawPeer(const RawPeer&) = delete;
  RawPeer& operator=(const RawPeer&) = delete;

  /// A connection to the world's server, over which nothing was said yet.
  static std::unique_ptr<RawPeer> silent(SimulatedWorld& world) {
    auto [ours, theirs] = world.simulation().network().connected_pair();
    world.server_shard().load().fetch_add(1);
    world.server().add(std::move(theirs));
    return std::make_unique<RawPeer>(world.client_shard(), std::move(ours));
  }
  /// The same with the client's preface and `settings` sent, and the server's acknowledged.
  static std::unique_ptr<RawPeer> before_server(SimulatedWorld& world,
                                                const std::string& settings = http2::test::settings()) {
    auto peer = silent(world);
    peer->send(std::string(http2::test::preface) + settings + http2::test::settings_ack());
    return peer;
  }

  void send(std::string_view bytes) { peer_.send(bytes); }
  /// Ends the sending direction after the bytes sent so far.
  void finish() { peer_.finish(); }

  /// The header block of a gRPC request, with `more` fields at its end.
  static http2::test::FieldList request_fields(std::string_view path,
                                               const http2::test::FieldList& more = {}) {
    return http2::test::with({{":method", "POST"},
                              {":scheme", "http"},
                              {":path", std::string(path)},
                              {":authority", "localhost"},
                              {"content-type", "application/grpc"},
                              {"te", "trailers"}},
                             more);
  }
  void begin(std::uint32_t id, std::string_view path, const http2::test::FieldList& more = {}) {
    send(encoder.headers(id, request_fields(path, more)));
  }
  /// A whole request: its headers, and a body that ends it, in frames of at most 16 KiB.
  void request(std::uint32_t id, std::string_view path, std::string_view body,
               const http2::test::FieldList& more = {}) {
    begin(id, path, more);
    send_body(id, body, http2::test::end_stream);
  }
  void send_body(std::uint32_t id, std::string_view body, unsigned flags = 0) {
    constexpr std::size_t frame_bytes = 16 * 1024;
    for (; body.size() > frame_bytes; body.remove_prefix(frame_bytes))
      send(http2::test::data(id, body.substr(0, frame_bytes)));
    send(http2::test::data(id, body, flags));
  }

  std::size_t frames_of(unsigned type) const { return http2::test::count(frames, type); }
  std::vector<http2::ErrorCode> resets(std::uint32_t id) const { return http2::test::resets(frames, id); }
  /// True if END_STREAM has arrived.
  bool ended(std::uint32_t id) const {
    for (const auto& each : frames)
      if (each.stream_id == id && each.type <= http2::test::frame_type::headers &&
          (each.flags & http2::test::end_stream) != 0)
        return true;
    return false;
  }
  /// The bytes that WINDOW_UPDATEs have added to the window of a stream, or of the connection (0).
  std::uint64_t window_given(std::uint32_t id) const {
    std::uint64_t sum = 0;
    for (const auto& each : frames)
      if (each.stream_id == id && each.type == http2::test::frame_type::window_update) sum += each.word(0);
    return sum;
  }
  std::string body(std::uint32_t id) const {
    std::string all;
    for (const auto& each : frames)
      if (each.stream_id == id && each.type == http2::test::frame_type::data) all += each.payload;
    return all;
  }
  /// The last field of that name in any header block of the stream.
  std::optional<std::string> field(std::uint32_t id, std::string_view name) const {
    std::optional<std::string> found;
    const auto fields = fields_.find(id);
    if (fields == fields_.end()) return found;
    for (const auto& [each, value] : fields->second)
      if (each == name) found = value;
    return found;
  }
  /// 0 for an orderly end.
  std::optional<int> received_end() const { return peer_.ended; }
  bool closed() const { return peer_.ended.has_value() || peer_.send_error.has_value(); }
  void pause() { peer_.pause(); }
  void resume() { peer_.resume(); }

  /// Called when a header block has arrived.
  std::function<void(std::uint32_t stream)> on_headers;
  http2::test::Encoder encoder;
  std::vector<http2::test::Frame> frames;

 private:
  void take_frames() {
    std::string_view rest(peer_.received);
    rest.remove_prefix(taken_);
    if (taken_ == 0 && rest.starts_with('P')) {
      if (rest.size() < http2::test::preface.size()) return;
      taken_ += http2::test::preface.size();
      rest.remove_prefix(http2::test::preface.size());
    }
    while (rest.size() >= 9) {
      const auto byte_at = [&](std::size_t at) { return static_cast<std::uint8_t>(rest[at]); };
      const std::size_t size =
          9 + (std::size_t{byte_at(0)} << 16 | std::size_t{byte_at(1)} << 8 | byte_at(2));
      if (rest.size() < size) return;
      frames.push_back(http2::test::parse(rest.substr(0, size)).front());
      rest.remove_prefix(size);
      taken_ += size;
      if (frames.back().type == http2::test::frame_type::headers)
        take_headers(frames.back().stream_id, frames.back().payload);
    }
  }

  void take_headers(std::uint32_t id, std::string_view block) {
    for (auto& field : decoder_.fields(block)) fields_[id].push_back(std::move(field));
    if (on_headers) on_headers(id);
  }

  Peer peer_;
  http2::test::Decoder decoder_;
  std::size_t taken_ = 0;
  std::map<std::uint32_t, http2::test::FieldList> fields_;
};

}  // namespace ringrpc
