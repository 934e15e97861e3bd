/// The fields of a request's headers that mean something to gRPC (PROTOCOL-HTTP2.md, "Requests").
///
///   const RequestFields request(stream);
///   if (request.is_grpc() && request.malformed_field.name.empty()) serve(request.path);
///
/// Views are valid as long as the stream's headers.
#pragma once

#include <cstddef>
#include <string_view>

#include "ringrpc/clock.h"

#include "http2/session.h"

namespace ringrpc {

struct RequestFields {
  explicit RequestFields(const http2::Stream& stream);

  bool is_grpc() const noexcept { return post && grpc; }

  std::string_view path;
  std::string_view encoding = "identity";
  Nanoseconds timeout = Nanoseconds::max();
  http2::Header malformed_field;  ///< the last malformed one; none has no name
  std::string_view malformed_why;
  std::size_t listed_values = 0;  ///< of binary metadata, besides the first of each field
  bool post = false;
  bool head = false;
  bool has_host = false;
  bool grpc = false;         ///< content-type application/grpc
  bool other_codec = false;  ///< content-type application/grpc+ with a codec other than protobuf

 private:
  void read(const http2::Header& header, const http2::Stream& stream);
  void read_host(const http2::Header& host, const http2::Stream& stream);
  void malform(const http2::Header& header, std::string_view why = {});
};

}  // namespace ringrpc
