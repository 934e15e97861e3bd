/// A client of the admin server that speaks HTTP/2, frame by frame.
///
///   Http2Browser browser(world);
///   browser.get(1, "/page");
///   CHECK(browser.answer(1).body == "text");
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "admin/admin_world.h"
#include "http2/frames.h"

namespace ringrpc::admin {

class Http2Browser {
 public:
  struct Reply {
    http2::test::FieldList fields;
    std::string body;
    bool complete = false;

    std::string field(std::string_view name) const {
      const auto found = std::ranges::find(fields, name, [](const auto& field) { return field.first; });
      return found == fields.end() ? std::string() : found->second;
    }
    std::string status() const { return field(":status"); }
  };

  /// Sends the preface and SETTINGS: `window` is the one of each stream; that of the
  /// connection holds any page.
  explicit Http2Browser(AdminWorld& world, std::uint32_t window = 1 << 30)
      : world_(world), peer_(world.connect()) {
    peer_->on_event = [this] { read(); };
    send(std::string(http2::test::preface) +
         http2::test::settings({{http2::test::setting::initial_window_size, window}}) +
         http2::test::window_update(0, 1 << 30));
  }

  void send(std::string_view bytes) { peer_->send(bytes); }
  std::string head(std::string_view method, std::string_view path, std::uint32_t id,
                   unsigned flags = http2::test::end_stream, const http2::test::FieldList& more = {}) {
    return encoder_.headers(id,
                            http2::test::with({{":method", std::string(method)},
                                               {":scheme", "http"},
                                               {":path", std::string(path)},
                                               {":authority", "localhost"}},
                                              more),
                            flags);
  }
  void get(std::uint32_t id, std::string_view path) { send(head("GET", path, id)); }

  /// The response on a stream, when it is complete; the part that has come if the connection ends before.
  Reply answer(std::uint32_t id) {
    (void)world_.run_until([&] { return replies_[id].complete || !resets(id).empty() || closed(); });
    return replies_[id];
  }
  const Reply& so_far(std::uint32_t id) { return replies_[id]; }

  std::vector<http2::ErrorCode> resets(std::uint32_t id) const { return http2::test::resets(frames_, id); }
  std::vector<http2::test::Ending> endings() const { return http2::test::endings(frames_); }
  const std::vector<http2::test::Frame>& frames() const noexcept { return frames_; }
  Peer& peer() noexcept { return *peer_; }
  bool closed() const noexcept { return peer_->ended.has_value(); }

 private:
  void read() {
    for (;;) {
      const std::string& in = peer_->received;
      if (in.size() < 9) return;
      const auto byte_at = [&](std::size_t at) -> std::size_t { return static_cast<std::uint8_t>(in[at]); };
      const std::size_t bytes = 9 + (byte_at(0) << 16 | byte_at(1) << 8 | byte_at(2));
      if (in.size() < bytes) return;
      take(http2::test::parse(std::string_view(in).substr(0, bytes)).front());
      peer_->received.erase(0, bytes);
    }
  }
  void take(http2::test::Frame frame) {
    if (frame.type == http2::test::frame_type::settings && frame.flags == 0)
      send(http2::test::settings_ack());
    Reply& reply = replies_[frame.stream_id];
    if (frame.type == http2::test::frame_type::headers) reply.fields = decoder_.fields(frame.payload);
    if (frame.type == http2::test::frame_type::data) reply.body += frame.payload;
    if (frame.type <= http2::test::frame_type::headers && (frame.flags & http2::test::end_stream) != 0)
      reply.complete = true;
    if (frame.type == http2::test::frame_type::data) frame.payload.clear();
    frames_.push_back(std::move(frame));
  }

  AdminWorld& world_;
  http2::test::Encoder encoder_;
  http2::test::Decoder decoder_;
  std::map<std::uint32_t, Reply> replies_;
  std::vector<http2::test::Frame> frames_;
  std::unique_ptr<Peer> peer_;
};

}  // namespace ringrpc::admin
