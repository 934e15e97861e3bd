/// The head of a response, and how it is written (RFC 9112, 4).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/slab.h"
#include "http1/request.h"

namespace ringrpc::http1 {

/// The handler's part of a response's head. The session copies it.
///
///   Response{.status = 404, .fields = {{{"content-type", "text/plain"}}}}
struct Response {
  int status = 200;  ///< 200 to 599
  /// Without Date, Content-Length, Transfer-Encoding and Connection, which the session writes. Names are
  /// tokens. Control characters in values are sent as spaces, so that no value can end its line (RFC 9110,
  /// 5.5).
  std::span<const Field> fields = {};
  /// Of the body. Without it the body is chunked, or ends with the connection of a client of HTTP/1.0.
  std::optional<std::uint64_t> content_length = {};
  bool close = false;  ///< no further request on this connection
};

/// The way in which the end of a response's body is marked.
enum class BodyEnd : std::uint8_t { none, length, chunked, connection };

/// The value of `Connection`; `none` if it is the version's default.
enum class ConnectionField : std::uint8_t { none, close, keep_alive };

/// 204 and 304 have no body (RFC 9112, 6.3).
constexpr bool has_body(int status) noexcept { return status != 204 && status != 304; }

/// "Not Found"; empty for a status that is not registered.
std::string_view reason_phrase(int status) noexcept;

void write_head(const Response& response, BodyEnd end, ConnectionField connection,
                std::chrono::sys_seconds time, Chain& out);

}  // namespace ringrpc::http1
