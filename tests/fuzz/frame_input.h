/// Frames of HTTP/2 chosen by an input: most are well formed, so that the input gets past the first checks.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "fuzz/input.h"
#include "http2/frames.h"
#include "http2/session_limits.h"

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

/// Most often none, since few fields may stand anywhere; else up to three.
inline http2::test::FieldList more_fields(Input& input) {
  http2::test::FieldList fields;
  const std::uint32_t choice = input.byte();
  for (std::uint32_t more = choice < 0xc0 ? 0 : 1 + choice % 3; more > 0; --more)
    fields.push_back(next_field(input));
  return fields;
}

/// The fields that begin a request.
inline http2::test::FieldList next_request(Input& input) {
  static constexpr const char* paths[] = {"/test.v1.Raw/Echo", "/test.v1.Raw/Chat", "/test.v1.Raw/Metadata"};
  http2::test::FieldList fields = {{":method", "POST"},
                                   {":scheme", "http"},
                                   {":path", input.pick(paths)},
                                   {":authority", "localhost"},
                                   {"content-type", "application/grpc"},
                                   {"te", "trailers"}};
  return http2::test::with(std::move(fields), more_fields(input));
}

/// The fields that begin a response.
inline http2::test::FieldList next_response(Input& input) {
  return http2::test::with({{":status", "200"}, {"content-type", "application/grpc"}}, more_fields(input));
}

/// Trailers, most often those of a call that succeeded.
inline http2::test::FieldList next_trailers(Input& input) {
  const http2::test::FieldList usual[] = {{{"grpc-status", "0"}}, {{"grpc-status", "14"}}, {}};
  http2::test::FieldList fields = input.pick(usual);
  return http2::test::with(std::move(fields), more_fields(input));
}

/// A header block of any kind.
inline http2::test::FieldList next_fields(Input& input) {
  switch (input.number(4)) {
    case 0:
      return next_request(input);
    case 1:
      return next_response(input);
    case 2:
      return next_trailers(input);
    default:
      return more_fields(input);
  }
}

/// Messages of gRPC, most of which are whole, or any bytes.
inline std::string next_body(Input& input) {
  std::string body;
  for (std::uint32_t messages = (1 + input.number(4)) % 4; messages > 0; --messages) {
    const std::string_view payload = input.text(80);
    const std::uint8_t flags = input.byte();
    const std::size_t length = flags < 0xf0 ? payload.size() : input.byte();
    body += static_cast<char>(flags < 0x80 ? 0 : flags % 3);
    body.append(http2::test::number(length, 4)).append(payload);
  }
  return body;
}

/// Chooses the frames of one side of a connection. Most are for a stream that this side has not ended, so that the
/// connection goes on.
class FrameChoices {
 public:
  FrameChoices(http2::Role role, http2::test::Encoder& encoder) noexcept : role_(role), encoder_(encoder) {}

  /// For the frames of a server: the client has begun a stream.
  void began(std::uint32_t id) {
    newest_ = std::max(newest_, id);
    open_.push_back(id);
  }

  /// Zeros give headers that begin a request or a response.
  std::string next(Input& input) {
    const std::uint32_t choice = input.byte();
    return choice < 0xd0 ? next_usual(input, choice % 12) : next_hostile(input, choice % 8);
  }

 private:
  std::string next_usual(Input& input, std::uint32_t kind) {
    using namespace http2::test;
    const bool ends = input.flag();
    if (role_ == http2::Role::client && kind < 3) {
      newest_ += newest_ == 0 ? 1 : 2;
      open_.push_back(newest_);
      return encoder_.headers(newest_, next_request(input), flag_at_end(newest_, ends));
    }
    const std::uint32_t id = next_open(input);
    switch (kind) {
      case 0:
      case 1:
      case 2:
        return encoder_.headers(id, next_response(input), flag_at_end(id, ends));
      case 3:
      case 4:
      case 5:
        return data(id, next_body(input), flag_at_end(id, ends));
      case 6:
      case 7:
        return encoder_.headers(id, next_trailers(input), flag_at_end(id, !ends));
      case 8: {
        const std::uint32_t padding = input.byte();
        return padded_data(id, input.text(40), padding, flag_at_end(id, ends));
      }
      case 9:
        std::erase(open_, id);
        return rst_stream(id, static_cast<http2::ErrorCode>(input.number(16)));
      case 10:
        return window_update(ends ? 0 : id, 1 + input.byte());
      default:
        return ping(input.byte());
    }
  }

  /// Frames that may be wrong in themselves, or for their stream.
  std::string next_hostile(Input& input, std::uint32_t kind) {
    using namespace http2::test;
    const unsigned flags = input.byte();
    const std::uint32_t id = next_stream(input);
    switch (kind) {
      case 0:
        return encoder_.headers(id, next_fields(input), flags & end_stream);
      case 1:
        return data(id, next_body(input), flags & end_stream);
      case 2:
        return window_update(id, input.word());
      case 3: {
        const unsigned setting = input.number(10);
        return settings({{setting, input.flag() ? input.word() : input.byte()}});
      }
      case 4:
        return settings_ack();
      case 5:
        return goaway(id, static_cast<http2::ErrorCode>(input.number(16)));
      case 6: {  // a header block in pieces, of any bytes or well encoded
        const std::string block =
            input.flag() ? std::string(input.text(80)) : encoder_.block(next_fields(input));
        const std::size_t cut = std::min<std::size_t>(input.byte(), block.size());
        return frame(frame_type::headers, flags & end_stream, id, block.substr(0, cut)) +
               frame(0x9, end_headers, id, block.substr(cut));
      }
      default: {
        const unsigned type = input.number(13);
        return frame(type, flags, id, input.text(60));
      }
    }
  }

  /// The newest stream that this side has not ended, or one of the three before it.
  std::uint32_t next_open(Input& input) const noexcept {
    const std::uint32_t choice = input.byte();
    if (open_.empty()) return newest_;
    const std::size_t back = choice < 0xa0 ? 0 : choice % 4;
    return open_[open_.size() - 1 - std::min(back, open_.size() - 1)];
  }

  std::uint32_t next_stream(Input& input) const noexcept {
    const std::uint32_t choice = input.byte();
    if (choice < 0x80) return newest_;
    return choice % 2 == 0 ? 2 * input.number(8) + 1 : input.number(20);
  }

  unsigned flag_at_end(std::uint32_t id, bool ends) {
    if (!ends) return 0;
    std::erase(open_, id);
    return http2::test::end_stream;
  }

  const http2::Role role_;
  http2::test::Encoder& encoder_;
  std::uint32_t newest_ = 0;
  std::vector<std::uint32_t> open_;  ///< the streams that this side has not ended
};

}  // namespace ringrpc::fuzz
