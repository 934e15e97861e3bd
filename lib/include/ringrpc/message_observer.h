/// Shows an interceptor the messages of its call: validation, payload audit, accounting of sizes.
///
///   class NonEmpty final : public MessageObserver {
///     Status on_request(const MessageView& request) override {
///       if (request.size() > 0) return {};
///       return Status(Code::INVALID_ARGUMENT, "the request is empty");
///     }
///   };
///   NonEmpty observer;
///   co_return co_await next(observer);
///
/// The last two lines stand in `intercept` of an Interceptor or of a ClientInterceptor.
///
/// An observer sees each message once, in the order of its direction, before the message goes further. The
/// outermost interceptor's observer sees requests first and responses last. A status other than OK ends
/// the call with that status, which `next` gives: the message goes no further, and neither does any
/// after it. An exception ends the call with INTERNAL, or with RESOURCE_EXHAUSTED if it is
/// std::bad_alloc, and no other call.
///
/// On the server, an observer sees a request when the handler takes it, so the handler of a unary or
/// server-streaming method does not start if its request is refused. After a refusal `next()` of a Reader
/// gives nothing and `write` of a Writer gives false.
///
/// On a client, an observer sees the requests that are already written when the innermost `next`
/// runs, and the others as they are written. It sees responses when the caller takes them, so
/// `next(observer)` ends when the caller has taken all that arrived, or waits for the status
/// without them; responses that it has not taken are dropped then. A request that is sent again
/// after a transparent retry (gRFC A6) is not shown again.
///
/// The observer must outlive the task that `next` gives. The functions of one call run on its shard, one at a
/// time, and must not wait. An object that several calls share runs on all shards at the same time.
///
/// Calls whose interceptors use no observer pay nothing. Each observer of a server copies the responses once
/// more; all those of a client's call together copy the requests once more.
#pragma once

#include "ringrpc/compiler.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "ringrpc/bytes.h"
#include "ringrpc/codec.h"
#include "ringrpc/export.h"
#include "ringrpc/status.h"

namespace ringrpc {

/// A message, uncompressed and without its gRPC prefix. The view, and all that its functions return, is valid
/// until the observer's function returns.
///
/// A server parses some large requests before its interceptors run. The view then shows the message that the
/// handler gets: `size` and `bytes` are those of the parsed message serialized again, without the fields that
/// its type does not know (Service::keeps_unknown_fields).
class MessageView {
 public:
  /// `pieces`, and the bytes that they refer to, must outlive the view.
  explicit MessageView(Pieces pieces) noexcept : pieces_(pieces) {}
  MessageView(const MessageView&) = delete;
  MessageView& operator=(const MessageView&) = delete;

  /// The size of the serialized message in bytes.
  std::size_t size() const { return message_ ? message_->size() : total_bytes(pieces_); }

  /// The serialized message in one piece. A message that has several is copied, once.
  Bytes bytes() const {
    if (pieces_.size() == 1) return pieces_.front();
    if (whole_.empty()) whole_ = message_ ? message_->serialize() : join(pieces_);
    return whole_;
  }

  /// The message as a T, which may be any type with a Codec. Null if it is not one. Parses the message
  /// once for each T, unless the library has. A protobuf message does not name its type, so the bytes of
  /// another type may parse, too.
  template <class T>
  const T* as() const {
    if (const T* known = as_parsed<T>(message_)) return known;
    for (const auto& parsed : parsed_)
      if (const T* known = as_parsed<T>(parsed.get())) return known;
    const Bytes whole = message_ ? bytes() : Bytes();
    auto parsed = detail::parse_ahead<T>(message_ ? Pieces(&whole, 1) : pieces_);
    if (!parsed) return nullptr;
    return as_parsed<T>(parsed_.emplace_back(std::move(parsed)).get());
  }

 private:
  friend struct detail::Internals;
  explicit MessageView(const ParsedMessage& message) noexcept : message_(&message) {}

  template <class T>
  static const T* as_parsed(const ParsedMessage* parsed) noexcept {
    const auto* known = dynamic_cast<const detail::ParsedMessageOf<T>*>(parsed);
    return known ? &known->message : nullptr;
  }

  Pieces pieces_;                           // none if it was parsed
  const ParsedMessage* message_ = nullptr;  // null otherwise
  mutable std::vector<std::uint8_t> whole_;
  mutable std::vector<std::unique_ptr<ParsedMessage>> parsed_;
};

/// The base class of message observers. A status other than OK refuses the message and ends the call.
class RINGRPC_EXPORT MessageObserver {
 public:
  virtual ~MessageObserver() = default;
  /// A message of the request. A status that is not OK ends the call with it.
  virtual Status on_request(const MessageView& /*request*/) { return {}; }
  /// The same for a message of the response.
  virtual Status on_response(const MessageView& /*response*/) { return {}; }
};

}  // namespace ringrpc
