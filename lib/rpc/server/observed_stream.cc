#include "rpc/server/observed_stream.h"

#include <utility>

#include "base/internals.h"
#include "rpc/call/contained.h"

namespace ringrpc {

/// True if the observer lets the message go further. If not, the call fails.
bool ObservedStream::accepted(const MessageView& message,
                              Status (MessageObserver::*show)(const MessageView&)) {
  const Status status = shown(observer_, show, message, call_.method());
  if (!status.ok()) stream_.fail_call(status);
  return status.ok();
}

std::unique_ptr<ParsedMessage> ObservedStream::take_parsed_ahead() {
  std::unique_ptr<ParsedMessage> message = stream_.take_parsed();
  if (message && !accepted(detail::Internals::make<MessageView>(*message), &MessageObserver::on_request))
    message.reset();
  return message;
}

std::optional<Pieces> ObservedStream::take_message() {
  const std::optional<Pieces> message = stream_.take_message();
  if (message && !accepted(detail::Internals::make<MessageView>(*message), &MessageObserver::on_request))
    return std::nullopt;
  return message;
}

std::span<std::uint8_t> ObservedStream::reserve_message(std::size_t bytes, bool may_compress) {
  if (!call_.failure().ok()) return {};
  options_.compress = may_compress;
  response_.bytes.resize(bytes);
  return {reinterpret_cast<std::uint8_t*>(response_.bytes.data()), bytes};
}

bool ObservedStream::commit_message() {
  const RawMessage response = std::exchange(response_, {});
  const Bytes bytes = as_bytes(response.bytes);
  return accepted(MessageView(Pieces(&bytes, 1)), &MessageObserver::on_response) &&
         write_message(stream_, response, options_);
}

}  // namespace ringrpc
