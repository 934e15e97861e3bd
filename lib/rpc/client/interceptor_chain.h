/// The interceptors of one call (ringrpc/client_interceptor.h), the outermost first.
///
/// 1. `start` runs them. They hold the call back until the innermost `next` submits it.
/// 2. `next` waits until the call is settled. If its task is destroyed before that, the call is cancelled.
/// 3. If the caller gets one response, `next` also waits until the caller has read it, or takes the status
///    without reading it. Only then is it known whether the response could be parsed.
/// 4. The status that the outermost interceptor returns is the caller's status.
///
/// Observers (ringrpc/message_observer.h) see the messages of the call as long as their `next` runs. If there
/// are observers, step 3 applies to every kind of call and every outcome, so that no message passes them
/// unseen.
///
/// Belongs to its call.
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ringrpc/bytes.h"
#include "ringrpc/client_interceptor.h"
#include "ringrpc/codec.h"
#include "ringrpc/message_observer.h"
#include "ringrpc/suspended.h"
#include "ringrpc/task.h"

#include "rpc/client/channel_core.h"

namespace ringrpc {

class OutgoingCall;

class InterceptorChain final : private ClientNext::Wire, private TaskObserver {
 public:
  InterceptorChain(OutgoingCall& call, std::shared_ptr<ChannelCore> channel);
  InterceptorChain(const InterceptorChain&) = delete;
  InterceptorChain& operator=(const InterceptorChain&) = delete;

  /// Runs the interceptors; call once.
  void start();
  /// True once they have returned, and the status that they returned.
  bool done() const noexcept { return task_.done(); }
  Status result() const { return task_.result(); }
  /// Destroys their frames; never from inside one of them.
  void destroy_frames() noexcept { task_ = {}; }

  /// True while `next` waits until the call is settled.
  bool awaits_outcome() const noexcept { return static_cast<bool>(awaits_outcome_); }
  /// True while it waits until the caller has read the response.
  bool awaits_reader() const noexcept { return static_cast<bool>(awaits_reader_); }
  void on_settled() { resume(awaits_outcome_); }
  void on_response_read() { resume(awaits_reader_); }

  bool observed() const noexcept { return !observers_.empty(); }
  /// Shows the message to each observer until one refuses it. Returns the status of that one, or OK.
  Status show_request(Bytes request) noexcept;
  Status show_response(Pieces response) noexcept;

  /// Room for a request of an observed call, which is kept here until it has been shown.
  std::span<std::uint8_t> reserve_request(std::size_t bytes, bool may_compress);
  struct Request {
    RawMessage message;
    bool may_compress;
  };
  /// The request that has been reserved last and not taken.
  std::optional<Request> take_request() noexcept { return std::exchange(written_, std::nullopt); }

  const std::string& target() const noexcept { return channel_->target(); }
  /// The caller's, which the interceptors cannot make later.
  Instant deadline() const noexcept { return deadline_; }

 private:
  class Outcome;
  class ResponseRead;

  Task<Status> make_call() override;
  void observe(MessageObserver& observer) override { observers_.push_back(&observer); }
  void unobserve(MessageObserver& observer) noexcept override;
  void on_task_done() override;
  static void resume(Suspended& waiting) {
    if (waiting) waiting.resume();
  }

  OutgoingCall& call_;
  const std::shared_ptr<ChannelCore> channel_;
  const Instant deadline_;
  ClientRequest request_;
  std::vector<MessageObserver*> observers_;  // the outermost first
  std::optional<Request> written_;
  Suspended awaits_outcome_;
  Suspended awaits_reader_;
  Task<Status> task_;
};

}  // namespace ringrpc
