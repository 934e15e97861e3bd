/// A request in protobuf's wire format, in parts that are sent one after another and never put together.
///
///   EncodedRequest request{.parts = {head, batch}};
///   co_await channel.unary<EncodedRequest::View, otlp::v1::ExportResponse>(path, request.view(), options);
#pragma once

#include <cstddef>
#include <cstdint>
#include <google/protobuf/io/coded_stream.h>
#include <string>
#include <vector>

#include "ringrpc/codec.h"

namespace ringrpc::telemetry {

struct EncodedRequest {
  /// The message type of the call. The request must stay as it is until the call has begun.
  struct View {
    const EncodedRequest* request = nullptr;
  };
  View view() const noexcept { return {this}; }

  std::vector<std::string> parts;
};

}  // namespace ringrpc::telemetry

namespace ringrpc {

template <>
struct Codec<telemetry::EncodedRequest::View> {
  using View = telemetry::EncodedRequest::View;

  static std::size_t size(View message) {
    std::size_t bytes = 0;
    for (const std::string& part : message.request->parts) bytes += part.size();
    return bytes;
  }
  static void serialize(View message, std::uint8_t* to) {
    for (const std::string& part : message.request->parts)
      to += part.copy(reinterpret_cast<char*>(to), part.size());
  }
  static void serialize(View message, google::protobuf::io::ZeroCopyOutputStream& to) {
    google::protobuf::io::CodedOutputStream out(&to);
    for (const std::string& part : message.request->parts)
      out.WriteRaw(part.data(), static_cast<int>(part.size()));
  }
};

}  // namespace ringrpc
