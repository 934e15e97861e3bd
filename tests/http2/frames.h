/// A peer that may do anything: builds frames by hand and parses the session's output.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http2/error_code.h"

struct nghttp2_hd_deflater;
struct nghttp2_hd_inflater;

namespace ringrpc::http2::test {

/// RFC 9113, section 6.
namespace frame_type {
inline constexpr unsigned data = 0x0;
inline constexpr unsigned headers = 0x1;
inline constexpr unsigned priority = 0x2;
inline constexpr unsigned rst_stream = 0x3;
inline constexpr unsigned settings = 0x4;
inline constexpr unsigned ping = 0x6;
inline constexpr unsigned goaway = 0x7;
inline constexpr unsigned window_update = 0x8;
}  // namespace frame_type

namespace setting {
inline constexpr unsigned max_concurrent_streams = 0x3;
inline constexpr unsigned initial_window_size = 0x4;
}  // namespace setting

inline constexpr std::string_view preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

inline std::string number(std::uint64_t value, int bytes) {
  std::string made;
  for (int i = bytes - 1; i >= 0; --i) made += static_cast<char>(value >> (8 * i));
  return made;
}

inline std::string frame(unsigned type, unsigned flags, std::uint32_t stream_id, std::string_view payload) {
  std::string made = number(payload.size(), 3) + number(type, 1) + number(flags, 1) + number(stream_id, 4);
  return made.append(payload);
}

inline constexpr unsigned end_stream = 0x1;
inline constexpr unsigned ack = 0x1;
inline constexpr unsigned end_headers = 0x4;
inline constexpr unsigned padded = 0x8;

inline std::string data(std::uint32_t id, std::string_view body, unsigned flags = 0) {
  return frame(frame_type::data, flags, id, body);
}
inline std::string padded_data(std::uint32_t id, std::string_view body, std::size_t padding,
                               unsigned flags = 0) {
  const std::string payload = number(padding, 1).append(body) + std::string(padding, '\0');
  return frame(frame_type::data, flags | padded, id, payload);
}
inline std::string rst_stream(std::uint32_t id, ErrorCode code) {
  return frame(frame_type::rst_stream, 0, id, number(static_cast<std::uint32_t>(code), 4));
}
inline std::string window_update(std::uint32_t id, std::uint32_t increment) {
  return frame(frame_type::window_update, 0, id, number(increment, 4));
}
inline std::string priority(std::uint32_t id, std::uint32_t depends_on) {
  return frame(frame_type::priority, 0, id, number(depends_on, 4) + number(15, 1));
}
inline std::string ping(std::uint64_t opaque = 7) { return frame(frame_type::ping, 0, 0, number(opaque, 8)); }
inline std::string goaway(std::uint32_t last, ErrorCode code) {
  return frame(frame_type::goaway, 0, 0, number(last, 4) + number(static_cast<std::uint32_t>(code), 4));
}
inline std::string settings(std::initializer_list<std::pair<unsigned, std::uint32_t>> entries = {}) {
  std::string payload;
  for (const auto& [id, value] : entries) payload += number(id, 2) + number(value, 4);
  return frame(frame_type::settings, 0, 0, payload);
}
inline std::string settings_ack() { return frame(frame_type::settings, ack, 0, ""); }

using FieldList = std::vector<std::pair<std::string, std::string>>;

/// Concatenates the parts in order. `a + b` does not guarantee the order of calls that share an encoder.
inline std::string in_order(std::initializer_list<std::string> parts) {
  std::string all;
  for (const std::string& part : parts) all += part;
  return all;
}

/// Encodes header blocks with one HPACK state for each connection.
class Encoder {
 public:
  Encoder();
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;
  ~Encoder();

  std::string block(const FieldList& fields);

  std::string headers(std::uint32_t id, const FieldList& fields, unsigned flags = 0) {
    return frame(frame_type::headers, flags | end_headers, id, block(fields));
  }

 private:
  nghttp2_hd_deflater* deflater_ = nullptr;
};

/// Decodes header blocks likewise.
class Decoder {
 public:
  Decoder();
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  ~Decoder();

  /// A faulty block fails the test.
  FieldList fields(std::string_view block);
  /// Nothing if the block is faulty; the decoder is of no use any more then.
  std::optional<FieldList> try_fields(std::string_view block);

 private:
  nghttp2_hd_inflater* inflater_ = nullptr;
};

inline const FieldList get = {{":method", "POST"},
                              {":scheme", "http"},
                              {":path", "/p.S/M"},
                              {":authority", "localhost"},
                              {"te", "trailers"}};

inline FieldList with(FieldList fields, const FieldList& more) {
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

struct Frame {
  unsigned type;
  unsigned flags;
  std::uint32_t stream_id;
  std::string payload;

  std::uint32_t word(std::size_t at) const {
    std::uint32_t value = 0;
    for (std::size_t i = at; i < at + 4; ++i) value = value << 8 | static_cast<std::uint8_t>(payload.at(i));
    return value;
  }
};

/// Parses a session's bytes into frames.
inline std::vector<Frame> parse(std::string_view bytes) {
  if (bytes.starts_with(preface)) bytes.remove_prefix(preface.size());
  std::vector<Frame> frames;
  const auto byte_at = [&](std::size_t at) { return static_cast<std::uint8_t>(bytes[at]); };
  while (bytes.size() >= 9) {
    const std::size_t length = static_cast<std::size_t>(byte_at(0)) << 16 | byte_at(1) << 8 | byte_at(2);
    std::uint32_t id = 0;
    for (std::size_t i = 5; i < 9; ++i) id = id << 8 | byte_at(i);
    frames.push_back({byte_at(3), byte_at(4), id, std::string(bytes.substr(9, length))});
    bytes.remove_prefix(9 + length);
  }
  return frames;
}

struct Ending {
  ErrorCode code;
  std::string debug;
};
/// The error code and debug data of each GOAWAY in `frames`.
inline std::vector<Ending> endings(const std::vector<Frame>& frames) {
  std::vector<Ending> found;
  for (const Frame& each : frames) {
    if (each.type == frame_type::goaway)
      found.push_back({static_cast<ErrorCode>(each.word(4)), each.payload.substr(8)});
  }
  return found;
}

/// The codes of the RST_STREAM frames for a stream.
inline std::vector<ErrorCode> resets(const std::vector<Frame>& frames, std::uint32_t id) {
  std::vector<ErrorCode> found;
  for (const Frame& each : frames) {
    if (each.type == frame_type::rst_stream && each.stream_id == id)
      found.push_back(static_cast<ErrorCode>(each.word(0)));
  }
  return found;
}

inline std::size_t count(const std::vector<Frame>& frames, unsigned type) {
  std::size_t found = 0;
  for (const Frame& each : frames) found += each.type == type;
  return found;
}

}  // namespace ringrpc::http2::test
