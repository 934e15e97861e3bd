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

/// More than the session may queue: its limit, and the frames of one call of `receive`
/// (lib/http2/peer_conduct.h).
constexpr std::size_t queued_bytes_max = 4 * 1024 * 1024;

/// A server that responds to some requests, and leaves others for later actions.
class Peer {
 public:
  explicit Peer(Input& input) : input_(input) {
    server_.consumes = input.flag();
    server_.data_hook = [this](Stream& stream, Bytes) {
      CHECK(server_[stream.id()].ends == 0);
      CHECK(server_[stream.id()].closes == 0);
    };
    server_.end_hook = [this](Stream& stream) {
      if (input_.flag()) respond(stream);
    };
    server_.closed_hook = [this](Stream&) { ++closed_; };
  }

  void act() {
    switch (input_.number(12)) {
      case 0:
        return produce();
      case 1:
        return with_stream([this](Stream& stream) { respond(stream); });
      case 2:
        return with_stream([this](Stream& stream) {
          server_.session.reset(stream, static_cast<ErrorCode>(input_.number(14)));
        });
      case 3:
        return with_stream([this](Stream& stream) { server_.session.consumed(stream, 0); });
      case 4:
        if (std::exchange(draining_, true)) return;
        return server_.session.announce_shutdown(1);
      case 5:
        return server_.session.ping(input_.byte());
      case 6:
        server_.now += std::chrono::milliseconds(50 * input_.byte());
        if (server_.session.next_deadline() <= server_.now) failed_ |= !server_.session.tick().ok();
        return;
      default:
        return send(next_frame(input_, encoder_));
    }
  }

  void send(std::string_view bytes) {
    while (!bytes.empty() && !failed_) {
      const std::size_t piece = std::min<std::size_t>(bytes.size(), 1 + input_.byte());
      failed_ = !server_.receive(std::string(bytes.substr(0, piece))).ok();
      bytes.remove_prefix(piece);
    }
    CHECK(server_.session.queued_output_bytes() <= queued_bytes_max);
  }

  void produce() { (void)server_.produce(1 + 8 * input_.byte()); }

  bool over() const { return failed_ || server_.session.finished(); }

  void check() {
    produce();
    for (const auto& [id, exchange] : server_.exchanges) {
      CHECK(exchange.closes <= 1);
      CHECK(exchange.ends <= 1);
      CHECK(exchange.header_blocks.size() == 1);
      plant(exchange.trailers_count == 1 && exchange.body.size() > 9 && closed_ > 1);
    }
  }

 private:
  void respond(Stream& stream) {
    Exchange& exchange = server_[stream.id()];
    if (!responded_.insert(stream.id()).second) return;
    if (input_.flag()) return server_.session.send_headers(stream, ok_trailers, true);
    server_.session.send_headers(stream, ok_response, false);
    server_.session.send_data(stream, as_bytes(exchange.body));
    server_.session.send_trailers(stream, ok_trailers);
  }

  template <class Act>
  void with_stream(Act act) {
    const auto found = server_.exchanges.find(2 * input_.number(8) + 1);
    if (found != server_.exchanges.end() && found->second.stream) act(*found->second.stream);
  }

  Input& input_;
  Endpoint server_{Role::server, {.max_concurrent_streams = 4}};
  Encoder encoder_;
  std::set<std::uint32_t> responded_;
  int closed_ = 0;
  bool draining_ = false;
  bool failed_ = false;
};

}  // namespace

void run(Input input) {
  Peer peer(input);
  peer.send(std::string(preface) + settings() + (input.flag() ? settings_ack() : ""));
  while (!input.empty() && !peer.over()) peer.act();
  peer.check();
}

}  // namespace ringrpc::fuzz
