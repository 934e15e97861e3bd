#include "http1/chunked_decoder.h"

#include <algorithm>
#include <cassert>

#include "http1/characters.h"

namespace ringrpc::http1 {

ChunkedDecoder::Step ChunkedDecoder::decode(Bytes bytes) noexcept {
  assert(state_ < State::complete && !bytes.empty());
  std::size_t taken = 0;
  while (taken < bytes.size() && state_ < State::complete) {
    if (state_ == State::data || state_ == State::trailers) {
      const Bytes rest = bytes.subspan(taken);
      const Step step = state_ == State::data ? take_data(rest) : take_trailers(rest);
      return {taken + step.taken, step.data};
    }
    take(bytes[taken++]);
  }
  return {taken, {}};
}

void ChunkedDecoder::take(std::uint8_t byte) noexcept {
  switch (state_) {
    case State::size:
      return take_size(byte);
    case State::space:
    case State::extension:
      return take_extension(byte);
    case State::size_cr:
      return byte == '\n' ? begin_data() : refuse(400, "a CR is not followed by LF (RFC 9112, 2.2)");
    case State::data_cr:
      if (byte != '\r') return refuse(400, "a chunk is longer than its size (RFC 9112, 7.1)");
      state_ = State::data_lf;
      return;
    case State::data_lf:
      if (byte != '\n') return refuse(400, "a CR is not followed by LF (RFC 9112, 2.2)");
      size_digits_ = 0;
      extension_bytes_ = 0;
      state_ = State::size;
      return;
    case State::data:
    case State::trailers:
    case State::complete:
    case State::refused:
      break;
  }
  assert(false);
}

/// Sixteen digits, zeros in front included, do not overflow.
void ChunkedDecoder::take_size(std::uint8_t byte) noexcept {
  if (const int digit = hex_value(byte); digit >= 0) {
    if (++size_digits_ > size_digits_max)
      return refuse(400, "a chunk size has too many digits (RFC 9112, 7.1)");
    chunk_left_bytes_ = chunk_left_bytes_ << 4 | static_cast<std::uint64_t>(digit);
    return;
  }
  if (size_digits_ == 0) return refuse(400, "a chunk has no size (RFC 9112, 7.1)");
  if (byte == '\r') {
    state_ = State::size_cr;
    return;
  }
  if (byte == '\n') return refuse(400, "a line ends in LF without CR (RFC 9112, 2.2)");
  if (byte != ';' && byte != ' ' && byte != '\t')
    return refuse(400, "a chunk size is not a hexadecimal number (RFC 9112, 7.1)");
  state_ = State::space;
  take_extension(byte);
}

void ChunkedDecoder::take_extension(std::uint8_t byte) noexcept {
  if (byte == '\n') return refuse(400, "a line ends in LF without CR (RFC 9112, 2.2)");
  if (state_ == State::space && byte != ';' && byte != ' ' && byte != '\t')
    return refuse(400, "a chunk size is not a hexadecimal number (RFC 9112, 7.1)");
  if (byte == '\r') {
    state_ = State::size_cr;
    return;
  }
  if (is_control(byte)) return refuse(400, "a chunk extension has a control character (RFC 9112, 7.1.1)");
  if (++extension_bytes_ > limits_->chunk_extension_bytes_max)
    return refuse(400, "a chunk extension is too long (RFC 9112, 7.1.1)");
  if (byte == ';') state_ = State::extension;
}

void ChunkedDecoder::begin_data() noexcept {
  if (chunk_left_bytes_ == 0) {
    state_ = State::trailers;
    return;
  }
  if (chunk_left_bytes_ > limits_->body_bytes_max - body_bytes_)
    return refuse(413, "the body is too large (RFC 9110, 15.5.14)");
  body_bytes_ += chunk_left_bytes_;
  state_ = State::data;
}

ChunkedDecoder::Step ChunkedDecoder::take_data(Bytes bytes) noexcept {
  const Bytes data = bytes.first(std::min<std::uint64_t>(bytes.size(), chunk_left_bytes_));
  chunk_left_bytes_ -= data.size();
  if (chunk_left_bytes_ == 0) state_ = State::data_cr;
  return {data.size(), data};
}

ChunkedDecoder::Step ChunkedDecoder::take_trailers(Bytes bytes) noexcept {
  const std::size_t taken = trailers_.scan(bytes);
  if (const Refusal& refusal = trailers_.refusal()) {
    refuse(refusal.status, refusal.reason);
  } else if (trailers_.complete()) {
    state_ = State::complete;
  }
  return {taken, {}};
}

}  // namespace ringrpc::http1
