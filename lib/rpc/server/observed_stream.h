/// The messages of a call for the interceptors inside an observer's: the observer sees each first.
///
///   ObservedStream stream(call, below, observer);   // in the frame of `next(observer)`
///
/// A response is kept here until it is complete, because a message that has been reserved in the stream below
/// can no longer be refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "ringrpc/call.h"
#include "ringrpc/message_observer.h"
#include "ringrpc/stream.h"

namespace ringrpc {

class ObservedStream final : public MessageStream {
 public:
  /// All three must outlive it.
  ObservedStream(Call& call, MessageStream& stream, MessageObserver& observer) noexcept
      : call_(call), stream_(stream), observer_(observer) {
    parses_ahead_ = true;
  }
  ObservedStream(const ObservedStream&) = delete;
  ObservedStream& operator=(const ObservedStream&) = delete;

  bool message_ready() override { return stream_.message_ready(); }
  std::optional<Pieces> take_message() override;
  bool message_compressed() const noexcept override { return stream_.message_compressed(); }
  void reject_message(std::string_view why) override { stream_.reject_message(why); }
  void wait_message(Waiter* waiter) override { stream_.wait_message(waiter); }

  std::span<std::uint8_t> reserve_message(std::size_t bytes, bool may_compress) override;
  std::span<std::uint8_t> reserve_more() override { return {}; }  // there is room for all of the message
  bool commit_message() override;
  bool writable() const override { return stream_.writable(); }
  void wait_writable(Waiter* waiter) override { stream_.wait_writable(waiter); }

  void fail_call(const Status& why) override { stream_.fail_call(why); }

 private:
  std::unique_ptr<ParsedMessage> take_parsed_ahead() override;
  bool accepted(const MessageView& message, Status (MessageObserver::*show)(const MessageView&));

  Call& call_;
  MessageStream& stream_;
  MessageObserver& observer_;
  RawMessage response_;  // while it is being written
  WriteOptions options_;
};

}  // namespace ringrpc
