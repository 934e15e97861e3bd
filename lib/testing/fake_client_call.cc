#include "ringrpc/testing/fake_client_call.h"

#include <optional>
#include <span>
#include <stdexcept>
#include <utility>

namespace ringrpc::testing {

namespace {

void wake_one(MessageStream::Waiter*& waiting) {
  if (MessageStream::Waiter* const waiter = std::exchange(waiting, nullptr)) waiter->on_ready();
}

}  // namespace

/// The client's end of the call.
class FakeClientCall::Handle final : public ClientCall {
 public:
  explicit Handle(FakeClientCall& call) noexcept : call_(call) {}
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() override { cancel(); }

  bool message_ready() override { return call_.ended() || call_.messages_.message_ready(); }
  std::optional<Pieces> take_message() override {
    return call_.response_ == Response::status_taken ? std::nullopt : call_.messages_.take_message();
  }
  bool message_compressed() const noexcept override { return false; }
  void reject_message(std::string_view why) override {
    if (call_.status_.ok()) call_.end(detail::unparsable("a response", why));
  }
  void wait_message(Waiter* waiter) override { call_.messages_.wait_message(waiter); }
  std::span<std::uint8_t> reserve_message(std::size_t bytes, bool may_compress) override {
    if (call_.ended() || call_.writes_ended_) return {};
    return call_.messages_.reserve_message(bytes, may_compress);
  }
  std::span<std::uint8_t> reserve_more() override { return call_.messages_.reserve_more(); }
  bool commit_message() override { return call_.messages_.commit_message(); }
  bool writable() const override { return call_.ended() || call_.messages_.writable(); }
  void wait_writable(Waiter* waiter) override { call_.messages_.wait_writable(waiter); }

  void fail_call(const Status& why) override {
    if (!call_.ended()) call_.end(why);
  }
  void writes_done() override { call_.writes_ended_ = true; }
  bool queued() const noexcept override { return false; }
  bool has_initial_metadata() const noexcept override { return call_.response_ >= Response::begun; }
  void wait_initial_metadata(Waiter* waiter) override {
    set_waiter(call_.initial_waiter_, waiter, "initial_metadata()");
  }
  const ResponseMetadata& response_metadata() const noexcept override { return call_.metadata_; }
  std::string_view peer() const noexcept override { return {}; }
  bool finished() const noexcept override { return call_.ended(); }
  void wait_finished(Waiter* waiter) override { set_waiter(call_.finish_waiter_, waiter, "finish()"); }
  Status take_status() override {
    call_.response_ = Response::status_taken;
    return std::exchange(call_.status_, Status());
  }
  void cancel() override {
    if (call_.ended()) return;
    call_.cancelled_ = true;
    call_.end(Status(Code::CANCELLED, "cancelled by the caller", Initiator::application));
  }

 private:
  FakeClientCall& call_;
};

std::unique_ptr<ClientCall> FakeClientCall::call() {
  if (std::exchange(handed_out_, true))
    throw std::logic_error("a FakeClientCall is one call; give each call of the mock one of its own");
  return std::make_unique<Handle>(*this);
}

void FakeClientCall::send_initial_metadata(Metadata metadata) {
  if (response_ != Response::awaited) return;
  metadata_.initial = std::move(metadata);
  begin_response();
}

void FakeClientCall::respond_bytes(std::string message) {
  if (ended()) return;
  begin_response();
  messages_.receive_bytes(std::move(message));
}

void FakeClientCall::finish(Status status, Metadata trailing) {
  if (ended()) return;
  metadata_.trailing = std::move(trailing);
  end(std::move(status));
}

void FakeClientCall::begin_response() {
  if (response_ == Response::awaited) response_ = Response::begun;
  wake_one(initial_waiter_);
}

void FakeClientCall::end(Status status) {
  response_ = Response::ended;
  status_ = std::move(status);
  wake_one(initial_waiter_);
  messages_.receive_end();
  messages_.set_room(1);  // for a writer that waits, which then fails
  wake_one(finish_waiter_);
}

}  // namespace ringrpc::testing
