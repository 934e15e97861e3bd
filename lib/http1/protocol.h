/// Tells HTTP/2 with prior knowledge from HTTP/1.1 by the first bytes of a connection, so that one port
/// serves both.
///
///   switch (protocol_of(first_bytes)) {
///     case Protocol::undecided: ...                     // keep them, read more
#pragma once

#include <cstddef>
#include <cstdint>

#include "ringrpc/bytes.h"

namespace ringrpc::http1 {

enum class Protocol : std::uint8_t { undecided, http1, http2 };

/// With as many bytes it is decided.
inline constexpr std::size_t protocol_bytes = 14;

/// A connection that begins with `PRI * HTTP/2.0` speaks HTTP/2 (RFC 9113, 3.4); no request of HTTP/1.1 does.
/// `first` is everything that has arrived. The result is `undecided` while `first` is shorter than that and
/// does not differ from it. Everything else goes to http1::Session, which refuses other protocols.
Protocol protocol_of(Bytes first) noexcept;

}  // namespace ringrpc::http1
