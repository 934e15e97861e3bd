// The HTTP/2 session of a client: any frames of a server in pieces of any size, and what a client does
// meanwhile. No event is out of order, and every stream ends once at most.
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

class Peer {
 public:
  explicit Peer(Input& setup) {
    client_.consumes = !setup.flag();
    client_.data_hook = [this](Stream& stream, Bytes) {
      CHECK(!client_[stream.id()].header_blocks.empty());
      CHECK(client_[stream.id()].ends == 0);
    };
  }

  void act(Input input) {
    switch (input.number(16)) {
      case 8:
        open(input);
        return produce(input);  // else a response would be one to nothing
      case 9:
        return open(input);
      case 10:
        return produce(input);
      case 11:
        return with_stream(input, [&](Stream& stream) {
          client_.session.reset(stream, static_cast<ErrorCode>(input.number(14)));
        });
      case 12:
        return with_stream(input, [&](Stream& stream) {
          if (ended_.insert(stream.id()).second)
            client_.session.send_data(stream, as_bytes(input.text(100)), true);
        });
      case 13:
        return client_.session.ping(input.byte());
      case 14:
        client_.now += std::chrono::milliseconds(50 * input.byte());
        if (client_.session.next_deadline() <= client_.now) failed_ |= !client_.session.tick().ok();
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
      failed_ = !client_.receive(std::string(bytes.substr(0, piece))).ok();
      bytes.remove_prefix(piece);
    }
  }

  void produce(Input& input) {
    const std::size_t chosen = input.byte();
    (void)client_.produce(chosen == 0 ? produced_bytes_max : 8 * chosen);
  }

  bool over() const { return failed_ || client_.session.finished(); }

  void check(Input& input) {
    produce(input);
    int answered = 0;
    for (const auto& [id, exchange] : client_.exchanges) {
      CHECK(exchange.closes <= 1);
      CHECK(exchange.ends <= 1);
      answered += exchange.trailers_count == 1 && !exchange.body.empty();
    }
    plant(answered > 1);
  }

 private:
  void open(Input& input) {
    if (client_.session.open_capacity() > 0)
      frames_.began(client_.open(echo_request, input.flag()).stream->id());
  }

  template <class Act>
  void with_stream(Input& input, Act act) {
    const auto found = client_.exchanges.find(2 * input.number(8) + 1);
    if (found != client_.exchanges.end() && found->second.stream) act(*found->second.stream);
  }

  Endpoint client_{Role::client};
  Encoder encoder_;
  FrameChoices frames_{Role::server, encoder_};
  std::set<std::uint32_t> ended_;  // requests that are whole
  bool failed_ = false;
};

}  // namespace

void run(Input input) {
  Input setup = input.record();
  Peer peer(setup);
  peer.send(settings() + settings_ack(), setup);
  while (!input.empty() && !peer.over()) peer.act(input.record());
  peer.check(setup);
}

}  // namespace ringrpc::fuzz
