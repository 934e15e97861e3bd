/// A call of a channel that has interceptors.
///
/// 1. `start` runs the chain of interceptors. Until its innermost `next` the call has no part in the
///    channel's connections: what the caller writes is held back here, up to `write_ahead_bytes`, and the
///    deadline is watched here. The channel knows it as one that is held (ChannelCore::hold), so that its end
///    is the call's.
/// 2. `next` makes the call within and hands over what was held back and who waits; from then on messages
///    pass untouched. The chain waits for its status; deadline and cancellation are its own.
/// 3. Where the caller gets one response, `next` ends when that has been read, since only then it is known
///    whether it could be; the deadline is watched here again.
/// 4. What the chain returns is the caller's status. Messages that came before may still be read.
/// 5. A chain that waits while no call within runs, when the deadline passes or the caller cancels, is
///    destroyed, from the ready list.
///
/// Belongs to its shard.
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ringrpc/channel.h"
#include "ringrpc/client_interceptor.h"
#include "ringrpc/task.h"

#include "base/caught.h"
#include "base/lifetime.h"
#include "reactor/shard.h"
#include "rpc/client/channel_shared.h"
#include "rpc/client/client_call.h"

namespace ringrpc {

struct HeldCallTag;

class InterceptedCall final : public ClientCall,
                              public ListNodeOf<HeldCallTag>,
                              private ClientNext::Wire,
                              private TaskObserver,
                              private Ready,
                              private Timer {
 public:
  InterceptedCall(Shard& shard, std::shared_ptr<ChannelShared> channel, std::string_view path,
                  MethodKind kind, const CallOptions& options);
  ~InterceptedCall() override;

  /// Runs the interceptors; call once.
  void start();

  /// The channel has ended before the call began: ends it with this status.
  void detach(Status status);

  // MessageStream
  bool message_ready() override { return inner_ ? inner_->message_ready() : finished_; }
  std::optional<Pieces> take_message() override;
  bool message_compressed() const noexcept override { return inner_ && inner_->message_compressed(); }
  void reject_message() override;
  void wait_message(Waiter* waiter) override;
  std::span<std::uint8_t> reserve_message(std::size_t bytes, bool may_compress) override;
  std::span<std::uint8_t> reserve_more() override { return inner_->reserve_more(); }
  void commit_message() override;
  bool writable() const override;
  void wait_writable(Waiter* waiter) override;

  // ClientCall
  void writes_done() override;
  bool queued() const noexcept override { return inner_ && inner_->queued(); }
  bool answered() const noexcept override { return inner_ ? inner_->answered() : finished_; }
  void wait_answered(Waiter* waiter) override;
  bool finished() const noexcept override { return finished_; }
  void wait_finished(Waiter* waiter) override;
  Status take_status() override;
  void cancel() override;

 private:
  /// A message that waits for `next`.
  struct Held {
    std::unique_ptr<std::uint8_t[]> bytes;
    std::size_t size;
    bool may_compress;
  };
  class Running;
  class ResponseRead;

  Task<Status> make_call() override;
  void on_task_done() override { shard_.ready().push(*this); }
  void run() override;
  void on_time() override;

  /// Runs a step of the call. What it throws for want of memory ends the call.
  template <class Step>
  void contain(Step step) noexcept {
    try {
      step();
    } catch (...) {
      finish(caught());
    }
  }
  void go_on();
  void time_out();
  void leave_held() noexcept;
  Status begin();
  void end_read();
  void hand_over();
  void end(Status status);
  void finish(Status status) noexcept;
  Waiter* next_waiter();
  void wake() noexcept;

  Shard& shard_;
  const std::shared_ptr<ChannelShared> channel_;
  ResponseMetadata response_;  // where the caller does not ask for it
  ResponseMetadata* const response_to_;
  const std::string path_;
  const Instant deadline_;
  ClientRequest request_;

  std::vector<Held> held_;
  std::size_t held_bytes_ = 0;
  bool writes_done_ = false;
  Status unsendable_;  // what was to be held back and is too large: the call fails when it would begin

  ChannelCore* holder_ = nullptr;          // until `next`, the end of either
  std::unique_ptr<ClientCallImpl> inner_;  // from `next` on
  bool begun_ = false;
  bool running_ = false;             // the chain waits for its status
  std::coroutine_handle<> reading_;  // the chain waits until the caller has read the response
  Task<Status> chain_;

  bool finished_ = false;
  Status status_;
  Waiter* message_waiter_ = nullptr;  // these three until there is an inner_
  Waiter* writable_waiter_ = nullptr;
  Waiter* answer_waiter_ = nullptr;
  Waiter* finish_waiter_ = nullptr;
  Lifetime lifetime_;
};

}  // namespace ringrpc
