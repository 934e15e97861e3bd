/// The states of a stream, from RFC 9113, 5.1. Server push is not used, so there is no reserved state. An
/// idle stream has no object.
///
///                           idle
///                             │ HEADERS arrives (server), Session::open (client)
///                             ▼
///         ┌───────────────  open  ───────────────┐
///         │ END_STREAM produced                  │ END_STREAM arrives
///         ▼                                      ▼
///    half-closed (local)                  half-closed (remote)
///         │ END_STREAM arrives                   │ END_STREAM produced
///         └──────────────▶ closed ◀──────────────┘
///                             ▲
///                             └── RST_STREAM in either direction, from every state
///
/// A stream keeps the two directions apart. The states of sending:
///
///   headers_due ──▶ open ──▶ ending ───────────────────▶ ended
///        │                     ├──▶ ending_then_reset ────▲
///        └─────────────────────┘
///   every state ──▶ reset ──▶ closed          (and from every state straight to closed)
///
/// The states of receiving:
///
///   head_due ──▶ body ───────────────────────────▶ ended
///       ├────────────────────────────────────────────▲
///       └──▶ head_too_large ──▶ discarding ──────────┤
///                  └─────────────────────────────────┘
///   every state ──▶ reset
#pragma once

#include <cassert>
#include <cstdint>

namespace ringrpc::http2 {

/// The order matters: from `ending` on, anything sent beyond what is queued is dropped.
enum class SendState : std::uint8_t {
  headers_due,  ///< a server's response is yet to be sent; a client's request has not been produced
  open,         ///< body bytes may follow
  ending,       ///< the end is queued: END_STREAM on headers, body or trailers
  /// The same; RST_STREAM(NO_ERROR) follows unless the peer has half-closed the stream by then.
  ending_then_reset,
  ended,   ///< END_STREAM has been produced
  reset,   ///< RST_STREAM is queued, or a GOAWAY refuses the stream: nothing more is sent or passed on
  closed,  ///< the user knows; only nghttp2 still has the stream
};

enum class ReceiveState : std::uint8_t {
  head_due,        ///< no complete request has arrived, or no response except interim ones
  head_too_large,  ///< a request's header list, still arriving, is over the limit
  body,            ///< the request or response has arrived; its body and trailers may
  discarding,      ///< the same for a request that was too large: the rest is dropped
  ended,           ///< END_STREAM has arrived
  reset,           ///< RST_STREAM has arrived
};

/// True if the drawing has this step.
constexpr bool may_follow(SendState from, SendState to) noexcept {
  using enum SendState;
  switch (to) {
    case headers_due:
      return false;
    case open:
      return from == headers_due;
    case ending:
      return from <= open;
    case ending_then_reset:
      return from == ending;
    case ended:
      return from == ending || from == ending_then_reset;
    case reset:
    case closed:
      return from < to;
  }
  return false;
}

constexpr bool may_follow(ReceiveState from, ReceiveState to) noexcept {
  using enum ReceiveState;
  switch (to) {
    case head_due:
      return false;
    case head_too_large:
    case body:
      return from == head_due;
    case discarding:
      return from == head_too_large;
    case ended:
    case reset:
      return from < to;
  }
  return false;
}

/// One direction of a stream. Compares as its state does.
template <class State>
class Half {
 public:
  constexpr explicit Half(State first) noexcept : state_(first) {}

  constexpr operator State() const noexcept { return state_; }

  /// Takes a step of the drawing. Any other step is a bug of the session.
  constexpr void become(State next) noexcept {
    assert(may_follow(state_, next));
    state_ = next;
  }

 private:
  State state_;
};

}  // namespace ringrpc::http2
