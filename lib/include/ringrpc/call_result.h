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

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
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

namespace detail {

/// The text of an address. A short one, as all of TCP and vsock are, takes no memory of its own.
class PeerText {
 public:
  PeerText() noexcept = default;
  explicit PeerText(std::string_view text) {
    if (text.size() > short_.size()) {
      long_ = std::make_shared<const std::string>(text);
    } else {
      short_size_ = static_cast<std::uint8_t>(text.copy(short_.data(), text.size()));
    }
  }
  std::string_view text() const noexcept {
    return long_ ? std::string_view(*long_) : std::string_view(short_.data(), short_size_);
  }

 private:
  std::shared_ptr<const std::string> long_;
  std::array<char, 55> short_{};
  std::uint8_t short_size_ = 0;
};

}  // namespace detail

/// A value or the status of the failure, with the metadata of the response and the address that it came from. The
/// metadata is empty if the call failed here before the server responded. A plain value: several threads may read
/// one object, and one may change it.
template <class T>
class [[nodiscard]] CallResult : public Result<T> {
 public:
  using Result<T>::Result;
  CallResult() = default;
  /// The outcome of a call, and the metadata that came with it.
  CallResult(Result<T> result, ResponseMetadata with = {})
      : Result<T>(std::move(result)), metadata(std::move(with)) {}

  ResponseMetadata metadata;  ///< of the response, also that of a failed call

  /// The address to which the request went, "127.0.0.1:50051", also that of a failed call; empty if it went
  /// nowhere. Of several attempts, as ClientCall::peer. Valid until the object is changed, moved or destroyed.
  std::string_view peer() const noexcept { return peer_.text(); }
  void set_peer(std::string_view peer) { peer_ = detail::PeerText(peer); }  ///< for fakes and tests

 private:
  detail::PeerText peer_;
};

namespace detail {

template <class T>
struct ResultOf<CallResult<T>> {
  using type = CallResult<T>;
};

}  // namespace detail

}  // namespace ringrpc
