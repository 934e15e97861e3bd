#include "rpc/fake_channel.h"

namespace ringrpc {

namespace {

FakeCalls* present_calls = nullptr;

/// What the client holds; the test keeps the call itself.
class Handle final : public ClientCall {
 public:
  explicit Handle(std::shared_ptr<FakeClientCall> call) : call_(std::move(call)) {}

  bool message_ready() override { return call_->message_ready(); }
  std::optional<Pieces> take_message() override { return call_->take_message(); }
  void reject_message() override { call_->reject_message(); }
  void wait_message(Waiter* waiter) override { call_->wait_message(waiter); }
  bool message_compressed() const noexcept override { return call_->message_compressed(); }
  std::span<std::uint8_t> reserve_message(std::size_t bytes, bool may_compress) override {
    return call_->reserve_message(bytes, may_compress);
  }
  std::span<std::uint8_t> reserve_more() override { return call_->reserve_more(); }
  void commit_message() override { call_->commit_message(); }
  bool writable() const override { return call_->writable(); }
  void wait_writable(Waiter* waiter) override { call_->wait_writable(waiter); }
  void writes_done() override { call_->writes_done(); }
  bool answered() const noexcept override { return call_->answered(); }
  void wait_answered(Waiter* waiter) override { call_->wait_answered(waiter); }
  bool finished() const noexcept override { return call_->finished(); }
  void wait_finished(Waiter* waiter) override { call_->wait_finished(waiter); }
  Status take_status() override { return call_->take_status(); }
  void cancel() override { call_->cancel(); }

 private:
  std::shared_ptr<FakeClientCall> call_;
};

}  // namespace

FakeCalls::FakeCalls() { present_calls = this; }
FakeCalls::~FakeCalls() { present_calls = nullptr; }

struct Channel::Impl {
  std::string target;
};

Channel::Channel(std::string target, const ChannelOptions&)
    : impl_(std::make_shared<const Impl>(std::move(target))) {}

const std::string& Channel::target() const noexcept { return impl_->target; }

Task<std::uint64_t> Channel::close(Nanoseconds) const { co_return 0; }

std::unique_ptr<ClientCall> Channel::call(std::string_view path, MethodKind kind,
                                          const CallOptions& options) const {
  auto call = std::make_shared<FakeClientCall>(path, kind, options.timeout);
  if (present_calls) present_calls->add(call);
  return std::make_unique<Handle>(std::move(call));
}

}  // namespace ringrpc
