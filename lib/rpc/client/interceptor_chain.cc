#include "rpc/client/interceptor_chain.h"

#include <algorithm>
#include <cassert>
#include <ranges>

#include "base/internals.h"
#include "rpc/call/contained.h"
#include "rpc/client/outgoing_call.h"

namespace ringrpc {

/// The wait until the call is settled.
class InterceptorChain::Outcome {
 public:
  explicit Outcome(InterceptorChain& chain) noexcept : chain_(chain) {}
  Outcome(const Outcome&) = delete;
  Outcome& operator=(const Outcome&) = delete;
  ~Outcome() {
    chain_.awaits_outcome_ = {};
    if (!chain_.call_.settled()) chain_.call_.abandon();
  }

  bool await_ready() const noexcept { return chain_.call_.settled(); }
  void await_suspend(std::coroutine_handle<> waiting) const noexcept { chain_.awaits_outcome_ = waiting; }
  Status await_resume() const noexcept { return chain_.call_.show_outcome(); }

 private:
  InterceptorChain& chain_;
};

/// Waits until the reader has taken or dropped the response. Gives the fault that the reader found, if any.
class InterceptorChain::ResponseRead {
 public:
  explicit ResponseRead(InterceptorChain& chain) noexcept : chain_(chain) {}
  ResponseRead(const ResponseRead&) = delete;
  ResponseRead& operator=(const ResponseRead&) = delete;
  ~ResponseRead() { chain_.awaits_reader_ = {}; }

  bool await_ready() const noexcept { return chain_.call_.response_read(); }
  void await_suspend(std::coroutine_handle<> waiting) const noexcept { chain_.awaits_reader_ = waiting; }
  Status await_resume() const noexcept { return chain_.call_.take_fault(); }

 private:
  InterceptorChain& chain_;
};

InterceptorChain::InterceptorChain(OutgoingCall& call, std::shared_ptr<ChannelCore> channel)
    : call_(call),
      channel_(std::move(channel)),
      deadline_(call.request().deadline),
      request_{.method = call.request().path,
               .target = channel_->target(),
               .kind = call.request().kind,
               .metadata = call.request().metadata(),
               .deadline = deadline_,
               .wait_for_ready =
                   call.request().waiting_given ? std::optional(call.request().wait_for_ready) : std::nullopt,
               .compression = call.request().compression,
               .response = call.response_metadata()} {}

void InterceptorChain::start() {
  assert(!task_.valid());
  const auto all = detail::Internals::make<ClientNext>(channel_->options().interceptors, request_,
                                                       static_cast<ClientNext::Wire&>(*this));
  task_ = all();
  task_.start(this);
}

void InterceptorChain::on_task_done() { call_.run_soon(); }

Task<Status> InterceptorChain::make_call() {
  if (call_.finished()) co_return Status(Code::CANCELLED, "the call has ended", Initiator::application);
  if (!call_.held())
    co_return Status(Code::INTERNAL, "an interceptor has run its `next` twice", Initiator::application);
  call_.submit(request_);
  Status status = co_await Outcome(*this);
  request_.peer = call_.peer();
  if (!status.ok() && !observed()) co_return status;
  Status fault = co_await ResponseRead(*this);
  co_return status.ok() ? fault : status;
}

void InterceptorChain::unobserve(MessageObserver& observer) noexcept {
  const auto last = std::ranges::find(std::views::reverse(observers_), &observer);
  observers_.erase(std::prev(last.base()));
  if (observers_.empty()) call_.drop_messages();
}

Status InterceptorChain::show_request(Bytes request) noexcept {
  const MessageView message(Pieces(&request, 1));
  for (MessageObserver* const observer : observers_)
    if (Status status = shown(*observer, &MessageObserver::on_request, message, request_.method);
        !status.ok())
      return status;
  return {};
}

Status InterceptorChain::show_response(Pieces response) noexcept {
  const MessageView message(response);
  for (MessageObserver* const observer : std::views::reverse(observers_))
    if (Status status = shown(*observer, &MessageObserver::on_response, message, request_.method);
        !status.ok())
      return status;
  return {};
}

std::span<std::uint8_t> InterceptorChain::reserve_request(std::size_t bytes, bool may_compress) {
  std::string& room = written_.emplace(RawMessage(std::string(bytes, '\0')), may_compress).message.bytes;
  return {reinterpret_cast<std::uint8_t*>(room.data()), room.size()};
}

}  // namespace ringrpc
