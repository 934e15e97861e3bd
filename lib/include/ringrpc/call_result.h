/// The response of a unary or client-streaming call: a message or a status, and the metadata beside either.
///
///   CallResult<EchoResponse> response = co_await echo.Echo(request);
///   if (!response) co_return response.error();
///   const auto cost = response.metadata.trailing.find("request-cost");
///   log::info("{} from {}, at {}", response->payload(), response.peer(), cost.value_or("no cost"));
///
/// A CallResult<T> is a Result<T> and converts to one, which leaves the metadata behind.
#pragma once

#include "ringrpc/compiler.h"

#include <string>
#include <string_view>
#include <utility>

#include "ringrpc/metadata.h"
#include "ringrpc/status.h"

namespace ringrpc {

/// The part of a response beside its messages.
struct ResponseMetadata {
  Metadata initial{};   ///< of the headers before the first message
  Metadata trailing{};  ///< of the trailers that carry the status; a response without messages has only these
  bool compressed = false;  ///< true if the last message that was read arrived compressed
};

/// A value or the status of the failure, with the metadata of the response and the address that it came from. The
/// metadata is empty if the call failed here before the server responded. A plain value: several threads may read one object, and one may
/// change it.
template <class T>
class [[nodiscard]] CallResult : public Result<T> {
 public:
  using Result<T>::Result;
  CallResult() = default;
  /// The outcome of a call, and the metadata that came with it.
  CallResult(Result<T> result, ResponseMetadata with = {})
      : Result<T>(std::move(result)), metadata(std::move(with)) {}

  ResponseMetadata metadata;  ///< of the response, also that of a failed call

  /// The address to which the request went, "127.0.0.1:50051", also that of a failed call; empty if it went nowhere.
  /// Of several attempts, as ClientCall::peer.
  const std::string& peer() const noexcept { return peer_; }
  void set_peer(std::string_view peer) { peer_ = peer; }

 private:
  std::string peer_;
};

namespace detail {

template <class T>
struct ResultOf<CallResult<T>> {
  using type = CallResult<T>;
};

}  // namespace detail

}  // namespace ringrpc
