#include "rpc/client/intercepted_call.h"

#include <algorithm>
#include <string>
#include <utility>

#include "rpc/call/write_ahead.h"
#include "rpc/client/channel_core.h"
#include "rpc/message/message_buffer.h"

namespace ringrpc {
/// The time in which the chain waits for the call within. If the chain lets go of it, so does the call.
class InterceptedCall::Running {
 public:
  explicit Running(InterceptedCall& call) noexcept : call_(call) {
    call_.running_ = true;
    call_.Timer::cancel();  // the call within has the same deadline
  }
  Running(const Running&) = delete;
  ~Running() {
    call_.running_ = false;
    if (!call_.inner_->finished()) {
      call_.inner_->cancel();
      (void)call_.inner_->take_status();  // nobody asks for it
    }
    call_.shard_.timers().arm(call_, call_.deadline_);
  }

 private:
  InterceptedCall& call_;
};

/// The time from the end of the call within until its response has been read, or the caller asks for the
/// status without.
class InterceptedCall::ResponseRead {
 public:
  explicit ResponseRead(InterceptedCall& call) noexcept : call_(call) {}
  ResponseRead(const ResponseRead&) = delete;
  ~ResponseRead() { call_.reading_ = {}; }

  bool await_ready() const noexcept { return !call_.inner_->response_waits() || call_.finish_waiter_; }
  void await_suspend(std::coroutine_handle<> waiting) const noexcept { call_.reading_ = waiting; }
  Status await_resume() const { return call_.inner_->take_status(); }

 private:
  InterceptedCall& call_;
};

InterceptedCall::InterceptedCall(Shard& shard, std::shared_ptr<ChannelShared> channel, std::string_view path,
                                 MethodKind kind, const CallOptions& options)
    : shard_(shard),
      channel_(std::move(channel)),
      response_to_(options.response ? options.response : &response_),
      path_(path),
      deadline_(std::min(after(shard.now(), options.timeout), options.deadline)),
      request_{.method = path_,
               .target = channel_->target(),
               .kind = kind,
               .metadata = options.metadata,
               .deadline = deadline_,
               .wait_for_ready = options.wait_for_ready,
               .compression = options.compression,
               .response = *response_to_} {
  shard_.timers().arm(*this, deadline_);
}

InterceptedCall::~InterceptedCall() {
  chain_ = {};  // it refers to all the rest
  leave_held();
}

void InterceptedCall::start() {
  if (const Result<ChannelCore*> core = channel_->core(shard_); core && (*core)->hold(*this)) holder_ = *core;
  const ClientNext all(channel_->options().interceptors, request_, *this);
  chain_ = all();
  chain_.start(this);
}

Task<Status> InterceptedCall::make_call() {
  if (std::exchange(begun_, true))
    co_return Status(Code::INTERNAL, "an interceptor has run its `next` twice", Initiator::application);
  Status status = begin();
  if (!status.ok()) co_return status;
  {
    const Running running(*this);
    status = co_await detail::FinishAwaiter(*inner_);
  }
  if (!status.ok()) co_return status;
  co_return co_await ResponseRead(*this);
}

void InterceptedCall::detach(Status status) {
  leave_held();
  end(std::move(status));
}

void InterceptedCall::leave_held() noexcept {
  ListNodeOf<HeldCallTag>::unlink();
  if (holder_) std::exchange(holder_, nullptr)->left_hold();
}

/// Makes the call within.
Status InterceptedCall::begin() {
  if (finished_) return Status(Code::CANCELLED, "the call has ended", Initiator::application);
  if (!unsendable_.ok()) return unsendable_;
  if (!holder_) return ChannelCore::closed(channel_->target());
  ChannelCore& core = *holder_;
  leave_held();
  if (Status refused = core.admit_held(); !refused.ok()) return refused;
  CallOptions options;
  options.metadata = request_.metadata;
  options.compression = request_.compression;
  options.response = response_to_;
  options.wait_for_ready = request_.wait_for_ready;
  options.deadline = std::min(request_.deadline, deadline_);
  inner_ = std::make_unique<ClientCallImpl>(core, path_, request_.kind, options);
  core.submit(*inner_);
  hand_over();
  return {};
}

/// Gives the call within what was held back, and who waits.
void InterceptedCall::hand_over() {
  for (const Held& message : std::exchange(held_, {})) {
    std::span<std::uint8_t> room = inner_->reserve_message(message.size, message.may_compress);
    if (room.data() == nullptr) break;  // it is over
    for (Bytes rest(message.bytes.get(), message.size);; room = inner_->reserve_more()) {
      std::copy_n(rest.data(), room.size(), room.data());
      rest = rest.subspan(room.size());
      if (rest.empty() || room.empty()) break;
    }
    inner_->commit_message();
  }
  if (writes_done_) inner_->writes_done();
  inner_->wait_message(std::exchange(message_waiter_, nullptr));
  inner_->wait_writable(std::exchange(writable_waiter_, nullptr));
  inner_->wait_answered(std::exchange(answer_waiter_, nullptr));
  inner_->wake_soon();
}

/// The response is being read, or will not be: the chain may go on, once this has returned.
void InterceptedCall::end_read() {
  if (reading_) shard_.ready().push(*this);
}

void InterceptedCall::run() {
  contain([this] { go_on(); });
  wake();
}

void InterceptedCall::go_on() {
  if (reading_) std::exchange(reading_, {}).resume();
  if (!finished_ && chain_.done()) finish(chain_.result());
  if (finished_) chain_ = {};
}

void InterceptedCall::on_time() {
  contain([this] { time_out(); });
}

void InterceptedCall::time_out() {
  if (reading_) {
    inner_->fail(Status(Code::DEADLINE_EXCEEDED, "the response was not read before the deadline",
                        Initiator::application));
    return end_read();
  }
  end(Status(Code::DEADLINE_EXCEEDED,
             begun_ ? "an interceptor did not end before the deadline"
                    : "an interceptor held the call back until the deadline",
             Initiator::application));
}

void InterceptedCall::cancel() {
  if (running_) return inner_->cancel();
  Status cancelled(Code::CANCELLED, "cancelled by the caller", Initiator::application);
  if (!reading_) return end(std::move(cancelled));
  inner_->fail(cancelled);
  end_read();
}

/// Ends the call without waiting for the chain any more.
void InterceptedCall::end(Status status) {
  if (finished_) return;
  if (chain_.done()) return finish(chain_.result());
  finish(std::move(status));
}

void InterceptedCall::finish(Status status) noexcept {
  finished_ = true;
  status_ = std::move(status);
  leave_held();
  held_.clear();
  Timer::cancel();
  shard_.ready().push(*this);
}

/// Who can go on now; no longer registered.
MessageStream::Waiter* InterceptedCall::next_waiter() {
  if (!finished_) return nullptr;
  if (answer_waiter_) return std::exchange(answer_waiter_, nullptr);
  if (message_waiter_) return std::exchange(message_waiter_, nullptr);
  if (writable_waiter_) return std::exchange(writable_waiter_, nullptr);
  return std::exchange(finish_waiter_, nullptr);
}

/// Resumes all who can go on. Whoever is resumed may destroy the call.
void InterceptedCall::wake() noexcept {
  const Lifetime::Watch watch(lifetime_);
  while (Waiter* waiter = next_waiter()) {
    waiter->on_ready();
    if (watch.ended()) return;
  }
}

Status InterceptedCall::take_status() {
  // The caller may have found fault with a message after the server had said OK.
  if (status_.ok() && inner_) return inner_->take_status();
  return std::exchange(status_, Status());
}

std::optional<Pieces> InterceptedCall::take_message() {
  if (!inner_) return std::nullopt;
  end_read();
  return inner_->take_message();
}

void InterceptedCall::reject_message() { inner_->reject_message(); }

void InterceptedCall::wait_message(Waiter* waiter) {
  if (inner_) return inner_->wait_message(waiter);
  message_waiter_ = waiter;
}

std::span<std::uint8_t> InterceptedCall::reserve_message(std::size_t bytes, bool may_compress) {
  if (inner_) return inner_->reserve_message(bytes, may_compress);
  if (finished_ || writes_done_ || !unsendable_.ok()) return {};
  try {
    unsendable_ = ClientCallImpl::check_request(bytes, channel_->options());
    if (!unsendable_.ok()) return {};
    held_.push_back({std::make_unique_for_overwrite<std::uint8_t[]>(bytes), bytes, may_compress});
  } catch (...) {
    unsendable_ = caught();
    return {};
  }
  held_bytes_ += MessageBuffer::prefix_bytes + bytes;
  return {held_.back().bytes.get(), bytes};
}

void InterceptedCall::commit_message() {
  if (inner_) inner_->commit_message();
}

bool InterceptedCall::writable() const {
  if (inner_) return inner_->writable();
  return finished_ || held_bytes_ < write_ahead_bytes;
}

void InterceptedCall::wait_writable(Waiter* waiter) {
  if (inner_) return inner_->wait_writable(waiter);
  writable_waiter_ = waiter;
}

void InterceptedCall::wait_answered(Waiter* waiter) {
  if (inner_) return inner_->wait_answered(waiter);
  answer_waiter_ = waiter;
}

void InterceptedCall::wait_finished(Waiter* waiter) {
  finish_waiter_ = waiter;
  if (waiter) end_read();
}

void InterceptedCall::writes_done() {
  if (inner_) return inner_->writes_done();
  writes_done_ = true;
}

}  // namespace ringrpc
