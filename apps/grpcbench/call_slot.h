/// One call at a time, again and again: the place of a stream on a connection.
///
/// No coroutine and no message object stand between the slot and the call: what is sent was encoded before,
/// what comes is counted and not parsed.
#pragma once

#include <cstdint>
#include <memory>

#include "ringrpc/channel.h"

#include "grpcbench/operation.h"
#include "reactor/shard.h"

namespace ringrpc::grpcbench {

class CallSlot final : public ListNode, private MessageStream::Waiter, private Ready {
 public:
  /// How a call went, for whoever had it made; bytes are those of messages.
  struct Outcome {
    Status status;
    std::uint64_t bytes_sent = 0;
    std::uint64_t bytes_received = 0;
  };
  class Owner {
   public:
    /// The call of `slot` has ended; the slot may begin another from inside. From the shard's events.
    virtual void on_call_ended(CallSlot& slot, Outcome outcome) = 0;

   protected:
    ~Owner() = default;
  };

  /// All three must outlive it.
  CallSlot(Shard& shard, const Channel& channel, Owner& owner) noexcept
      : shard_(shard), channel_(channel), owner_(owner) {}
  CallSlot(const CallSlot&) = delete;
  CallSlot& operator=(const CallSlot&) = delete;

  /// Begins a call that was due at `due`; `turn` says which message it sends where it sends one. Its end is
  /// always told later.
  void begin(std::size_t operation_index, const Operation& operation, std::uint64_t turn, Instant due);

  Instant due() const noexcept { return due_; }
  std::size_t operation_index() const noexcept { return operation_index_; }
  /// Whether the call's end is known, and will be told within the next turn or two.
  bool finished() const noexcept { return call_ && call_->finished(); }
  /// Whether the call had to wait for its turn on the connection, or for that to be made again.
  bool waited_for_turn() const noexcept { return waited_for_turn_; }
  /// Whether the call has been told of as one that took too long.
  bool expired() const noexcept { return expired_; }

  /// What is to be said of a call that took too long, DEADLINE_EXCEEDED. The call itself goes on and keeps
  /// its stream: a server takes many that are cancelled for an attack, and its work on them would be hidden.
  /// Its end is told as any other's. Once in a call.
  Status expire();
  /// Drops the call, if there is one; its end is not told.
  void drop();

 private:
  void on_ready() override { go_on(); }
  void run() override { go_on(); }

  void send(std::uint64_t turn);
  void send_more();
  void go_on();
  void end();

  Shard& shard_;
  const Channel& channel_;
  Owner& owner_;
  std::unique_ptr<ClientCall> call_;
  const Operation* operation_ = nullptr;
  std::size_t operation_index_ = 0;
  std::size_t sent_ = 0;  // of a request that is a stream
  Instant due_;
  std::uint64_t bytes_sent_ = 0;
  std::uint64_t bytes_received_ = 0;
  bool waited_for_turn_ = false;
  bool answered_ = false;
  bool expired_ = false;
};

}  // namespace ringrpc::grpcbench
