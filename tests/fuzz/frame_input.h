/// Frames of HTTP/2 chosen by an input: most are well formed, so that the input gets past the first checks.
#pragma once

#include <string>

#include "fuzz/input.h"
#include "http2/frames.h"

namespace ringrpc::fuzz {

/// A field: most often one of HTTP/2 or gRPC, else of any bytes.
inline std::pair<std::string, std::string> next_field(Input& input) {
  static const std::pair<std::string, std::string> usual[] = {
      {":method", "POST"},
      {":method", "GET"},
      {":scheme", "http"},
      {":path", "/test.v1.Raw/Echo"},
      {":path", "/test.v1.Raw/Chat"},
      {":path", "/test.v1.Raw/Metadata"},
      {":authority", "localhost"},
      {":status", "200"},
      {":status", "103"},
      {"content-type", "application/grpc"},
      {"content-length", "3"},
      {"te", "trailers"},
      {"grpc-encoding", "gzip"},
      {"grpc-encoding", "zstd"},
      {"grpc-timeout", "1S"},
      {"grpc-timeout", "1n"},
      {"grpc-status", "0"},
      {"grpc-status", "14"},
      {"grpc-message", "%41%zz"},
      {"grpc-status-details-bin", "CAU="},
      {"grpc-previous-rpc-attempts", "1"},
      {"grpc-retry-pushback-ms", "5"},
      {"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
      {"tracestate", "a=b"},
      {"x-bin", "AAECAw"},
      {"x", "y"},
  };
  const std::uint8_t choice = input.byte();
  if (choice < 0xe0) return usual[choice % std::size(usual)];
  std::string name(input.text(20));
  return {std::move(name), std::string(input.text(40))};
}

/// A header block that is complete for a request or a response, with further fields.
inline http2::test::FieldList next_fields(Input& input) {
  using http2::test::FieldList;
  static const FieldList usual[] = {
      {{":method", "POST"},
       {":scheme", "http"},
       {":path", "/test.v1.Raw/Echo"},
       {":authority", "localhost"},
       {"content-type", "application/grpc"},
       {"te", "trailers"}},
      {{":method", "POST"},
       {":scheme", "http"},
       {":path", "/test.v1.Raw/Chat"},
       {":authority", "localhost"},
       {"content-type", "application/grpc"},
       {"te", "trailers"}},
      {{":status", "200"}, {"content-type", "application/grpc"}},
      {{"grpc-status", "0"}},
      {},
  };
  FieldList fields = input.pick(usual);
  for (std::uint32_t more = input.number(4); more > 0; --more) fields.push_back(next_field(input));
  return fields;
}

/// Messages of gRPC, most of which are whole, or any bytes.
inline std::string next_body(Input& input) {
  std::string body;
  for (std::uint32_t messages = input.number(4); messages > 0; --messages) {
    const std::string_view payload = input.text(80);
    const std::uint8_t flags = input.byte();
    const std::size_t length = flags < 0xf0 ? payload.size() : input.byte();
    body += static_cast<char>(flags % 3);
    body.append(http2::test::number(length, 4)).append(payload);
  }
  return body;
}

/// A frame for one of the first few streams, or for the connection.
inline std::string next_frame(Input& input, http2::test::Encoder& encoder) {
  using namespace http2::test;
  const std::uint32_t id = input.flag() ? 2 * input.number(8) + 1 : input.number(20);
  switch (input.number(14)) {
    case 0:
    case 1:
    case 2:
      return encoder.headers(id, next_fields(input), input.byte() & end_stream);
    case 3:
    case 4:
    case 5:
      return data(id, next_body(input), input.byte() & end_stream);
    case 6: {
      const std::uint32_t padding = input.byte();
      return padded_data(id, input.text(40), padding, input.byte() & end_stream);
    }
    case 7:
      return rst_stream(id, static_cast<http2::ErrorCode>(input.number(16)));
    case 8:
      return window_update(input.flag() ? 0 : id, input.word());
    case 9:
      return settings({{input.number(10), input.flag() ? input.word() : input.byte()}});
    case 10:
      return input.flag() ? settings_ack() : ping();
    case 11:
      return goaway(input.number(20), static_cast<http2::ErrorCode>(input.number(16)));
    case 12: {  // a header block in pieces, of any bytes or well encoded
      const std::string block =
          input.flag() ? std::string(input.text(80)) : encoder.block(next_fields(input));
      const std::size_t cut = std::min<std::size_t>(input.byte(), block.size());
      const unsigned flags = input.byte() & end_stream;
      return frame(frame_type::headers, flags, id, block.substr(0, cut)) +
             frame(0x9, end_headers, id, block.substr(cut));
    }
    default: {
      const unsigned type = input.number(13);
      const unsigned flags = input.byte();
      return frame(type, flags, id, input.text(60));
    }
  }
}

}  // namespace ringrpc::fuzz
