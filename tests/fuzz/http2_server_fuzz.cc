// The HTTP/2 session of a server: any frames in pieces of any size, and what a server does
// meanwhile. No event is out of order, no stream is told twice of its end, and what waits to be
// sent stays within its limit.
#include <set>
#include <utility>

#include "fuzz/frame_input.h"
#include "fuzz/target.h"
#include "http2/endpoint.h"

namespace ringrpc::fuzz {
namespace {

using namespace http2;
using namespace http2::test;

constexpr std::size_t produced_bytes_max = 1024 * 1024;

/// More than the session may queue: its limit, and the frames of one call of `receive`
/// (lib/http2/peer_conduct.h).
constexpr std::size_t queued_bytes_max = 4 * 1024 * 1024;

/// A server that responds to some requests, and leaves others for later actions.
class Peer {
 public:
  explicit Peer(Input& setup) : responds_at_end_(!setup.flag()) {
    server_.consumes = !setup.flag();
    server_.data_hook = [this](Stream& stream, Bytes) {
      CHECK(server_[stream.id()].ends == 0);
      CHECK(server_[stream.id()].closes == 0);
    };
    server_.end_hook = [this](Stream& stream) {
      if (responds_at_end_) respond(stream);
    };
    server_.closed_hook = [this](Stream&) { ++closed_; };
  }

  void act(Input input) {
    switch (input.number(16)) {
      case 9:
        return produce(input);
      case 10:
        return with_stream(input, [&](Stream& stream) { respond(stream, input.flag()); });
      case 11:
        return with_stream(input, [&](Stream& stream) {
          server_.session.reset(stream, static_cast<ErrorCode>(input.number(14)));
        });
      case 12:
        return with_stream(input, [&](Stream& stream) { server_.session.consumed(stream, 0); });
      case 13:
        if (std::exchange(draining_, true)) return;
        return server_.session.announce_shutdown(1);
      case 14:
        return server_.session.ping(input.byte());
      case 15:
        server_.now += std::chrono::milliseconds(50 * input.byte());
        if (server_.session.next_deadline() <= server_.now) failed_ |= !server_.session.tick().ok();
        return;
      default:
        return send(frames_.next(input), input);
    }
  }

  /// Delivers the bytes in pieces whose sizes the input has.
  void send(std::string_view bytes, Input& input) {
    while (!bytes.empty() && !failed_) {
      const std::size_t chosen = input.byte();
      const std::size_t piece = chosen == 0 ? bytes.size() : std::min(bytes.size(), chosen);
      failed_ = !server_.receive(std::string(bytes.substr(0, piece))).ok();
      bytes.remove_prefix(piece);
    }
    CHECK(server_.session.queued_output_bytes() <= queued_bytes_max);
  }

  void produce(Input& input) {
    const std::size_t chosen = input.byte();
    (void)server_.produce(chosen == 0 ? produced_bytes_max : 8 * chosen);
  }

  bool over() const { return failed_ || server_.session.finished(); }

  void check(Input& input) {
    produce(input);
    for (const auto& [id, exchange] : server_.exchanges) {
      CHECK(exchange.closes <= 1);
      CHECK(exchange.ends <= 1);
      CHECK(exchange.header_blocks.size() == 1);
      plant(exchange.trailers_count == 1 && exchange.body.size() > 9 && closed_ > 1);
    }
  }

 private:
  /// Once for each stream.
  void respond(Stream& stream, bool only_trailers = false) {
    Exchange& exchange = server_[stream.id()];
    if (!responded_.insert(stream.id()).second) return;
    if (only_trailers) return server_.session.send_headers(stream, ok_trailers, true);
    server_.session.send_headers(stream, ok_response, false);
    server_.session.send_data(stream, as_bytes(exchange.body));
    server_.session.send_trailers(stream, ok_trailers);
  }

  template <class Act>
  void with_stream(Input& input, Act act) {
    const auto found = server_.exchanges.find(2 * input.number(8) + 1);
    if (found != server_.exchanges.end() && found->second.stream) act(*found->second.stream);
  }

  Endpoint server_{Role::server, {.max_concurrent_streams = 4}};
  Encoder encoder_;
  FrameChoices frames_{Role::client, encoder_};
  std::set<std::uint32_t> responded_;
  const bool responds_at_end_;
  int closed_ = 0;
  bool draining_ = false;
  bool failed_ = false;
};

}  // namespace

void run(Input input) {
  Input setup = input.record();
  Peer peer(setup);
  peer.send(std::string(preface) + settings() + (setup.flag() ? "" : settings_ack()), setup);
  while (!input.empty() && !peer.over()) peer.act(input.record());
  peer.check(setup);
}

}  // namespace ringrpc::fuzz
