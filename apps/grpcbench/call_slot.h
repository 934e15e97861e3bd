/// A slot for one stream of a connection, which makes one call after the other.
///
/// For speed it uses no coroutine and no message objects: requests are bytes, responses are counted and not
/// parsed.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "ringrpc/channel.h"

#include "grpcbench/filler.h"
#include "grpcbench/operation.h"
#include "grpcbench/traffic.h"
#include "reactor/shard.h"

namespace ringrpc::grpcbench {

class CallSlot final : public ListNode, private MessageStream::Waiter, private Ready {
 public:
  /// The result of a call.
  struct Outcome {
    Status status;
    Traffic traffic;          ///< of a method without streams
    std::size_t backend = 0;  ///< as the owner has numbered the address
  };
  class Owner {
   public:
    /// The number of the address that a call went to; of none if it is empty.
    virtual std::size_t backend_of(std::string_view address) = 0;
    /// The call of `slot`, which streams, has written or received messages.
    virtual void on_messages(CallSlot& slot, const Traffic& traffic) = 0;
    /// The call of `slot` has ended. The slot may begin another call here. Called from the shard's events.
    virtual void on_call_ended(CallSlot& slot, Outcome outcome) = 0;

   protected:
    ~Owner() = default;
  };

  /// All three must outlive the slot. `worker` is its number among the slots of all threads.
  CallSlot(Shard& shard, const Channel& channel, Owner& owner, std::uint32_t worker) noexcept
      : shard_(shard), channel_(channel), owner_(owner), worker_(worker) {}
  CallSlot(const CallSlot&) = delete;
  CallSlot& operator=(const CallSlot&) = delete;

  /// Begins a call that was due at `due`. on_call_ended never runs inside this function. All but the time
  /// must outlive the call.
  void begin(std::size_t operation_index, const Operation& operation, std::span<const RawMessage> messages,
             const Metadata& headers, Instant due);

  /// The slot's memory for what a call sends; between calls.
  Filled& filled() noexcept { return filled_; }
  std::uint32_t worker() const noexcept { return worker_; }

  Instant due() const noexcept { return due_; }
  std::size_t operation_index() const noexcept { return operation_index_; }
  /// True if the call has finished; on_call_ended follows within a turn or two.
  bool finished() const noexcept { return call_ && call_->finished(); }
  /// True if the call had to wait for a stream of the connection, or for a reconnect.
  bool waited_for_turn() const noexcept { return waited_for_turn_; }
  /// The address to which the call went, as ClientCall::peer. Empty between calls.
  std::string_view peer() const noexcept { return call_ ? call_->peer() : std::string_view(); }
  /// The number of that address.
  std::size_t backend() { return backend_ ? *backend_ : owner_.backend_of(peer()); }
  /// True if the response is a stream that has had a message.
  bool streaming() const noexcept { return responded_ && !operation_->one_response(); }
  /// True between calls.
  bool free() const noexcept { return !call_; }
  /// True if `expire` was called for this call.
  bool expired() const noexcept { return expired_; }
  /// True if `abandon` was called for this call.
  bool abandoned() const noexcept { return abandoned_; }

  /// The status of a call that has exceeded the deadline, DEADLINE_EXCEEDED. The call itself goes on and
  /// keeps its stream: a server takes many cancellations for an attack, and they would hide the work that it
  /// still does. on_call_ended follows as usual. Call it once per call.
  Status expire();
  /// The call does not count any more. It goes on for the same reason.
  void abandon() noexcept { abandoned_ = true; }
  /// Cancels the call, if there is one, without on_call_ended.
  void drop();

 private:
  void on_ready() override { go_on(); }
  void run() override { go_on(); }

  void send();
  void send_more();
  void receive();
  void report();
  void go_on();
  void end();

  Shard& shard_;
  const Channel& channel_;
  Owner& owner_;
  std::unique_ptr<ClientCall> call_;
  const Operation* operation_ = nullptr;
  std::span<const RawMessage> messages_;
  Filled filled_;
  std::size_t operation_index_ = 0;
  std::size_t sent_ = 0;  // messages, when the request is a stream
  Instant due_;
  Traffic traffic_;                     // of a method with streams, what is not reported yet
  std::optional<std::size_t> backend_;  // of a stream that has had a message
  const std::uint32_t worker_;
  bool waited_for_turn_ = false;
  bool responded_ = false;
  bool expired_ = false;
  bool abandoned_ = false;
};

}  // namespace ringrpc::grpcbench
