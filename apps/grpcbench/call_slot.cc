#include "grpcbench/call_slot.h"

#include <utility>

namespace ringrpc::grpcbench {

void CallSlot::begin(std::size_t operation_index, const Operation& operation,
                     std::span<const RawMessage> messages, const Metadata& headers, Instant due) {
  operation_ = &operation;
  operation_index_ = operation_index;
  messages_ = messages;
  due_ = due;
  sent_ = 0;
  traffic_ = {};
  backend_.reset();
  responded_ = expired_ = abandoned_ = false;
  CallOptions options;
  options.lasting_metadata = &headers;
  call_ = channel_.call(operation.path, operation.kind, options);
  waited_for_turn_ = call_->queued();
  send();
  // A call that has failed already wakes no waiter.
  if (call_->finished()) return shard_.ready().push(*this);
  call_->wait_message(this);
}

void CallSlot::send() {
  if (operation_->sends_all()) return send_more();
  const RawMessage& message = messages_.front();
  if (write_message(*call_, message)) traffic_ += {.bytes_sent = message.bytes.size(), .messages_sent = 1};
  call_->writes_done();
}

/// Writes as many messages as the call has room for.
void CallSlot::send_more() {
  const std::size_t count = messages_.size();
  for (; sent_ < count && call_->writable(); ++sent_) {
    const RawMessage& message = messages_[sent_];
    if (!write_message(*call_, message)) return;
    traffic_ += {.bytes_sent = message.bytes.size(), .messages_sent = 1};
  }
  if (sent_ == count) return call_->writes_done();
  call_->wait_writable(this);
}

void CallSlot::receive() {
  while (call_->message_ready()) {
    const std::optional<Pieces> message = call_->take_message();
    if (!message) break;
    responded_ = true;
    traffic_ += {.bytes_received = total_bytes(*message), .messages_received = 1};
  }
  if (operation_->streams()) report();
}

void CallSlot::report() {
  if (traffic_.messages_sent + traffic_.messages_received == 0) return;
  if (traffic_.messages_received > 0 && !backend_) backend_ = owner_.backend_of(call_->peer());
  owner_.on_messages(*this, std::exchange(traffic_, {}));
}

void CallSlot::go_on() {
  if (operation_->sends_all() && sent_ < messages_.size()) send_more();
  receive();
  if (call_->finished()) return end();
  call_->wait_message(this);
}

void CallSlot::end() {
  Status status = call_->take_status();
  const std::size_t backend = owner_.backend_of(call_->peer());
  call_.reset();
  owner_.on_call_ended(*this, {std::move(status), traffic_, backend});
}

Status CallSlot::expire() {
  expired_ = true;
  return Status(
      Code::DEADLINE_EXCEEDED,
      streaming() ? "the stream did not end before the deadline" : "no response before the deadline",
      Initiator::library);
}

void CallSlot::drop() {
  Ready::unlink();
  call_.reset();
}

}  // namespace ringrpc::grpcbench
