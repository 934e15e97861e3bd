/// The limits on what one peer may make a session hold or do. Every limit has a test that reaches it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ringrpc::http1 {

struct Limits {
  /// Request line and header fields with their line ends, and again the trailer fields of a chunked body:
  /// 431.
  std::size_t header_bytes_max = 16 * 1024;
  std::size_t fields_max = 100;                 ///< header fields, and again trailer fields: 431
  std::size_t target_bytes_max = 8 * 1024;      ///< the request target: 414
  std::uint64_t body_bytes_max = 0;             ///< of one request: 413
  std::size_t chunk_extension_bytes_max = 256;  ///< of one chunk: 400
  /// Body bytes that were delivered and not given back by Session::consumed; with as many the session wants
  /// no input.
  std::size_t body_window_bytes = 64 * 1024;
  /// Bytes that arrive behind a request while its response is not sent. A caller that stops reading when
  /// Session::wants_input is false needs room for bytes in flight. Bytes beyond the limit are dropped, and
  /// the connection is closed after the response.
  std::size_t pipelined_bytes_max = 256 * 1024;
  std::uint32_t requests_max = 1000;  ///< on one connection; the last response says `Connection: close`
};

}  // namespace ringrpc::http1
