// The hypervisor's side of hybrid vsock, as its documents describe it, against our client. Its bytes come
// joined, split everywhere, late, wrong or not at all.
#include "transport/hybrid_vsock.h"

#include <cerrno>
#include <string>
#include <string_view>
#include <vector>

#include "reactor/io_fixture.h"

namespace ringrpc::test {
namespace {

/// The carrier of the stream under test; the test triggers its events.
class Carrier final : public ByteStream {
 public:
  void start(Handler& handler) override { handler_ = &handler; }
  void pause_receiving() override { paused = true; }
  void resume_receiving() override { paused = false; }
  void send(Chain chain) override {
    CHECK(!sending_);
    sending_ = true;
    std::vector<iovec> pieces(64);
    pieces.resize(chain.gather(pieces));
    std::string& text = sent.emplace_back();
    for (const iovec& piece : pieces) text.append(static_cast<const char*>(piece.iov_base), piece.iov_len);
  }
  void shutdown_send() override {
    CHECK(!sending_);
    ended = true;
  }
  SocketAddress peer() const override { return unix_path("/run/vm.sock"); }
  int descriptor() const noexcept override { return 7; }

  void deliver(std::string_view text) {
    if (!text.empty()) handler_->on_received(as_bytes(text));
  }
  void end(int error) { handler_->on_receive_end(error); }
  void tell_sent(int error = 0) {
    sending_ = false;
    handler_->on_sent(error);
  }

  std::vector<std::string> sent;
  bool paused = false;
  bool ended = false;

 private:
  Handler* handler_ = nullptr;
  bool sending_ = false;
};

struct Guest {
  Guest() {
    auto owned = std::make_unique<Carrier>();
    carrier = owned.get();
    end.emplace(std::make_unique<HybridVsockStream>(std::move(owned), slabs, 52));
  }

  Chain chain(std::string_view text) {
    Chain made(slabs);
    made.append(as_bytes(text));
    return made;
  }

  SlabPool slabs;
  Carrier* carrier = nullptr;
  std::optional<End> end;
};

TEST_CASE("the request is one send of one line") {
  Guest guest;
  CHECK(guest.carrier->sent == std::vector<std::string>{"CONNECT 52\n"});
  CHECK(guest.end->stream->descriptor() == 7);
  CHECK(guest.end->stream->peer().family() == AF_UNIX);
}

TEST_CASE(
    "the guest's bytes arrive, and nothing else, wherever the response and the bytes after it are cut") {
  const std::string answer = "OK 1073741824\n";
  const std::string whole = answer + "PRI\n* \nOK 1\n";
  for (std::size_t first = 0; first <= whole.size(); ++first) {
    for (std::size_t second = first; second <= whole.size(); ++second) {
      Guest guest;
      guest.carrier->tell_sent();
      guest.carrier->deliver(whole.substr(0, first));
      guest.carrier->deliver(whole.substr(first, second - first));
      guest.carrier->deliver(whole.substr(second));
      REQUIRE(guest.end->received == whole.substr(answer.size()));
      REQUIRE(!guest.end->receive_end);
    }
  }
  Guest guest;
  for (const char byte : whole) guest.carrier->deliver(std::string(1, byte));
  CHECK(guest.end->received == whole.substr(answer.size()));
}

TEST_CASE("data sent early waits for the response and for the CONNECT line to leave") {
  Guest guest;
  guest.end->stream->send(guest.chain("hello"));
  CHECK(guest.carrier->sent.size() == 1);
  SUBCASE("the line first") {
    guest.carrier->tell_sent();
    CHECK(guest.carrier->sent.size() == 1);
    guest.carrier->deliver("OK 1\n");
  }
  SUBCASE("the response first") {
    guest.carrier->deliver("OK 1\n");
    CHECK(guest.carrier->sent.size() == 1);
    guest.carrier->tell_sent();
  }
  REQUIRE(guest.carrier->sent.size() == 2);
  CHECK(guest.carrier->sent[1] == "hello");
  CHECK(guest.end->sent.empty());
  guest.carrier->tell_sent();
  CHECK(guest.end->sent == std::vector<int>{0});
}

TEST_CASE("a hypervisor that closes without a response has no listener at that port") {
  Guest guest;
  guest.carrier->tell_sent();
  SUBCASE("at once") {}
  SUBCASE("in the middle of a response") { guest.carrier->deliver("OK 10"); }
  guest.carrier->end(0);
  CHECK(guest.end->receive_end == ECONNREFUSED);
  CHECK(guest.end->received.empty());
}

TEST_CASE("an error of the connection stays what it is") {
  Guest guest;
  guest.carrier->end(ECONNRESET);
  CHECK(guest.end->receive_end == ECONNRESET);
}

TEST_CASE("any other response ends the stream, and pending data is dropped with an error") {
  for (const char* answer : {"OK\n", "OK \n", "OK x\n", "OK 1 \n", "ok 1\n", "\n",
                             "HTTP/1.1 400 Bad Request\r\n", "OK 1234567890123456789", "PRI * HTTP/2.0"}) {
    CAPTURE(answer);
    Guest guest;
    guest.end->stream->send(guest.chain("hello"));
    guest.carrier->tell_sent();
    guest.carrier->deliver(answer);
    if (!guest.end->receive_end) guest.carrier->deliver("longer than any response");
    CHECK(guest.end->receive_end == EPROTO);
    CHECK(guest.end->received.empty());
    guest.carrier->deliver("OK 1\nlate");
    guest.carrier->end(0);
    CHECK(guest.end->received.empty());
    // The carrier has ended sending by then, so it refuses the chain.
    CHECK(guest.carrier->ended);
    guest.carrier->tell_sent(EPIPE);
    CHECK(guest.end->sent == std::vector<int>{EPIPE});
  }
}

TEST_CASE("a handler that pauses during the exchange still gets its connection, paused") {
  Guest guest;
  guest.end->stream->pause_receiving();
  CHECK(!guest.carrier->paused);
  guest.carrier->deliver("OK 1\n");
  CHECK(guest.carrier->paused);
  guest.end->stream->resume_receiving();
  CHECK(!guest.carrier->paused);
  guest.carrier->deliver("hello");
  CHECK(guest.end->received == "hello");
}

TEST_CASE("an end of sending waits for the response too") {
  Guest guest;
  guest.end->stream->shutdown_send();
  guest.carrier->tell_sent();
  CHECK(!guest.carrier->ended);
  guest.carrier->deliver("OK 1\n");
  CHECK(guest.carrier->ended);
}

TEST_CASE("the handler may destroy the stream whenever it is called") {
  SUBCASE("with the guest's first bytes") {
    Guest guest;
    guest.carrier->tell_sent();
    guest.end->when_received = [&] { guest.end.reset(); };
    guest.carrier->deliver("OK 1\nhello");
    CHECK(!guest.end);
  }
  SUBCASE("when it is refused") {
    Guest guest;
    guest.carrier->tell_sent();
    guest.end->when_received = [&] { guest.end.reset(); };
    guest.carrier->end(0);
    CHECK(!guest.end);
  }
}

TEST_CASE("once it is open, everything passes") {
  Guest guest;
  guest.carrier->tell_sent();
  guest.carrier->deliver("OK 1\n");
  guest.carrier->deliver("a");
  guest.carrier->deliver("b\n");
  guest.end->stream->send(guest.chain("c"));
  CHECK(guest.carrier->sent.back() == "c");
  guest.carrier->tell_sent(EPIPE);
  guest.carrier->end(ECONNRESET);
  CHECK(guest.end->received == "ab\n");
  CHECK(guest.end->sent == std::vector<int>{EPIPE});
  CHECK(guest.end->receive_end == ECONNRESET);
}

}  // namespace
}  // namespace ringrpc::test
