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

class Peer {
 public:
  explicit Peer(Input& input) : input_(input) {
    client_.consumes = input.flag();
    client_.data_hook = [this](Stream& stream, Bytes) {
      CHECK(!client_[stream.id()].header_blocks.empty());
      CHECK(client_[stream.id()].ends == 0);
    };
  }

  void act() {
    switch (input_.number(12)) {
      case 0:
        return produce();
      case 1:
        if (client_.session.open_capacity() > 0) client_.open(echo_request, input_.flag());
        return;
      case 2:
        return with_stream([this](Stream& stream) {
          client_.session.reset(stream, static_cast<ErrorCode>(input_.number(14)));
        });
      case 3:
        return with_stream([this](Stream& stream) {
          if (ended_.insert(stream.id()).second)
            client_.session.send_data(stream, as_bytes(input_.text(100)), true);
        });
      case 4:
        return client_.session.ping(input_.byte());
      case 5:
        client_.now += std::chrono::milliseconds(50 * input_.byte());
        if (client_.session.next_deadline() <= client_.now) failed_ |= !client_.session.tick().ok();
        return;
      default:
        return send(next_frame(input_, encoder_));
    }
  }

  void send(std::string_view bytes) {
    while (!bytes.empty() && !failed_) {
      const std::size_t piece = std::min<std::size_t>(bytes.size(), 1 + input_.byte());
      failed_ = !client_.receive(std::string(bytes.substr(0, piece))).ok();
      bytes.remove_prefix(piece);
    }
  }

  void produce() { (void)client_.produce(1 + 8 * input_.byte()); }

  bool over() const { return failed_ || client_.session.finished(); }

  void check() {
    produce();
    int answered = 0;
    for (const auto& [id, exchange] : client_.exchanges) {
      CHECK(exchange.closes <= 1);
      CHECK(exchange.ends <= 1);
      answered += exchange.trailers_count == 1 && !exchange.body.empty();
    }
    plant(answered > 1);
  }

 private:
  template <class Act>
  void with_stream(Act act) {
    const auto found = client_.exchanges.find(2 * input_.number(8) + 1);
    if (found != client_.exchanges.end() && found->second.stream) act(*found->second.stream);
  }

  Input& input_;
  Endpoint client_{Role::client};
  Encoder encoder_;
  std::set<std::uint32_t> ended_;  // requests that are whole
  bool failed_ = false;
};

}  // namespace

void run(Input input) {
  Peer peer(input);
  peer.send(settings() + settings_ack());
  while (!input.empty() && !peer.over()) peer.act();
  peer.check();
}

}  // namespace ringrpc::fuzz
