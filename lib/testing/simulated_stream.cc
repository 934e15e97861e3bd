// Byte streams of the simulated backend.
#include <algorithm>
#include <cassert>
#include <cerrno>
#include <optional>
#include <string>

#include "testing/simulated_io.h"

namespace ringrpc {

namespace {

constexpr Nanoseconds no_buffers_pause = std::chrono::milliseconds(1);

enum StreamTrace : std::uint64_t { trace_received = 1, trace_received_end, trace_sent, trace_send_ended };

}  // namespace

/// The state that a stream shares with its events. Each direction has at most one event pending.
///
///   receiving   idle <---> under_way        sending   idle ---> under_way <---> blocked
///                 +-----> ended                        |  ^---------+
///                                                      +-----> shut_down
class SimulatedStreamState final : public std::enable_shared_from_this<SimulatedStreamState>,
                                   private SimulatedFile::Watcher {
 public:
  SimulatedStreamState(SimulatedIo& io, UniqueFd fd)
      : io_(io), network_(io.network()), fd_(std::move(fd)), socket_(network_.socket(fd_.get())) {
    socket_.watch(this);
  }
  SimulatedStreamState(const SimulatedStreamState&) = delete;
  SimulatedStreamState& operator=(const SimulatedStreamState&) = delete;
  ~SimulatedStreamState() { socket_.watch(nullptr); }

  void start(ByteStream::Handler& handler) {
    assert(!handler_);
    const SimulatedKernel at_work;
    handler_ = &handler;
    poll_receive();
  }

  void set_paused(bool paused) {
    const SimulatedKernel at_work;
    paused_ = paused;
    poll_receive();
  }

  void send(Chain chain) {
    assert(handler_ && !chain.empty());
    const SimulatedKernel at_work;
    unsent_.emplace(std::move(chain));
    begin_send();
  }

  void shutdown_send() {
    const SimulatedKernel at_work;
    enter(Sending::shut_down);
    socket_.end_writing();
  }

  /// The stream was destroyed: drops the handler, and a late completion releases everything that is held.
  void abandon() {
    const SimulatedKernel at_work;
    abandoned_ = true;
    io_.schedule([self = shared_from_this()] {});
  }

  SimulatedSocket& socket() const noexcept { return socket_; }
  int descriptor() const noexcept { return fd_.get(); }

 private:
  enum class Receiving : std::uint8_t { idle, under_way, ended };
  enum class Sending : std::uint8_t { idle, under_way, blocked, shut_down };

  // Each asserts that the drawing has this step.
  void enter(Receiving next) noexcept {
    assert(next == Receiving::idle ? receiving_ == Receiving::under_way : receiving_ == Receiving::idle);
    receiving_ = next;
  }
  void enter(Sending next) noexcept {
    assert(sending_ == Sending::under_way
               ? next == Sending::idle || next == Sending::blocked
               : next == Sending::under_way || (sending_ == Sending::idle && next == Sending::shut_down));
    assert(sending_ != Sending::shut_down);
    sending_ = next;
  }

  void on_change() override {
    poll_receive();
    poll_send();
  }

  void poll_receive() {
    if (!handler_ || abandoned_ || paused_ || receiving_ != Receiving::idle || !socket_.readable()) return;
    enter(Receiving::under_way);
    schedule_receive();
  }

  void schedule_receive(Nanoseconds at_least = Nanoseconds::zero()) {
    io_.schedule([self = shared_from_this()] { self->receive(); }, at_least);
  }

  void receive() {
    inject_reset();
    if (!abandoned_ && network_.happens(network_.faults_.no_buffers, network_.counts_.no_buffers))
      return schedule_receive(no_buffers_pause);
    enter(Receiving::idle);
    // A pause may come too late to stop a buffer that was on its way.
    if (abandoned_ || (paused_ && network_.random_below(2) == 0)) return;
    if (socket_.readable_bytes() > 0)
      receive_bytes();
    else
      receive_end();
  }

  void receive_bytes() {
    std::size_t count = std::min(socket_.readable_bytes(), network_.faults_.receive_bytes_max);
    if (count > 1 && network_.happens(network_.faults_.short_read, network_.counts_.short_reads))
      count = 1 + network_.random_below(count - 1);
    network_.record(descriptor(), trace_received + count * 8);
    io_.complete(
        [self = shared_from_this(), bytes = socket_.read(count)]() mutable { self->deliver(bytes); });
    poll_receive();
  }

  void deliver(std::string& bytes) {
    if (abandoned_) return;
    handler_->on_received(as_bytes(bytes));
    std::fill(bytes.begin(), bytes.end(), '\xdd');
  }

  void receive_end() {
    enter(Receiving::ended);
    network_.record(descriptor(), trace_received_end);
    io_.complete([self = shared_from_this(), error = socket_.read_end()] {
      if (!self->abandoned_) self->handler_->on_receive_end(error);
    });
  }

  void poll_send() {
    if (sending_ == Sending::blocked && !abandoned_ && socket_.writable()) begin_send();
  }

  void begin_send() {
    enter(Sending::under_way);
    io_.schedule([self = shared_from_this()] { self->send_some(); });
  }

  /// Makes one write, even if the stream was destroyed, because a kernel may act before a cancellation.
  void send_some() {
    inject_reset();
    if (const int error = socket_.write_error()) return end_send(error);
    std::size_t count = std::min(socket_.writable_bytes(), unsent_->size());
    if (count > 1 && network_.happens(network_.faults_.short_write, network_.counts_.short_writes))
      count = 1 + network_.random_below(count - 1);
    network_.record(descriptor(), trace_sent + count * 8);
    write(count);
    if (unsent_->empty()) return end_send(0);
    enter(Sending::blocked);
    poll_send();
  }

  void write(std::size_t count) {
    if (count == 0) return;
    std::string bytes;
    bytes.reserve(count);
    unsent_->for_each_piece(0, count, [&](Bytes piece) { bytes.append(as_text(piece)); });
    socket_.write(as_bytes(bytes));
    unsent_->consume(count);
  }

  /// The chain is kept until its completion is dispatched, and the send is under way until then.
  void end_send(int error) {
    network_.record(descriptor(), trace_send_ended);
    io_.complete([self = shared_from_this(), error] {
      self->unsent_.reset();
      self->enter(Sending::idle);
      if (!self->abandoned_) self->handler_->on_sent(error);
    });
  }

  void inject_reset() {
    if (socket_.connected() && network_.happens(network_.faults_.reset, network_.counts_.resets))
      socket_.reset();
  }

  SimulatedIo& io_;
  SimulatedNetwork& network_;
  UniqueFd fd_;
  SimulatedSocket& socket_;
  ByteStream::Handler* handler_ = nullptr;
  std::optional<Chain> unsent_;
  Receiving receiving_ = Receiving::idle;
  Sending sending_ = Sending::idle;
  bool paused_ = false;
  bool abandoned_ = false;
};

namespace {

class SimulatedStream final : public ByteStream {
 public:
  SimulatedStream(SimulatedIo& io, UniqueFd fd)
      : io_(io), state_(std::make_shared<SimulatedStreamState>(io, std::move(fd))) {
    io_.object_made();
  }
  SimulatedStream(const SimulatedStream&) = delete;
  SimulatedStream& operator=(const SimulatedStream&) = delete;
  ~SimulatedStream() override {
    state_->abandon();
    io_.object_gone();
  }

  void start(Handler& handler) override { state_->start(handler); }
  void pause_receiving() override { state_->set_paused(true); }
  void resume_receiving() override { state_->set_paused(false); }
  void send(Chain chain) override { state_->send(std::move(chain)); }
  void shutdown_send() override { state_->shutdown_send(); }
  SocketAddress peer() const override { return state_->socket().peer_address; }
  int descriptor() const noexcept override { return state_->descriptor(); }
  std::size_t unacknowledged_bytes() const noexcept override { return state_->socket().unread_bytes(); }
  void reset_when_closed() noexcept override { state_->socket().reset_when_closed(); }

 private:
  SimulatedIo& io_;
  std::shared_ptr<SimulatedStreamState> state_;
};

}  // namespace

SocketAddress SimulatedIo::peer(const UniqueFd& connection) const {
  return network_.socket(connection.get()).peer_address;
}

std::unique_ptr<ByteStream> SimulatedIo::adopt(UniqueFd connection) {
  return std::make_unique<SimulatedStream>(*this, std::move(connection));
}

}  // namespace ringrpc
