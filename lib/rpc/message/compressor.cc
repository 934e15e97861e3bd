#include "rpc/message/compressor.h"

#include <algorithm>
#include <cassert>
#include <limits>
#include <memory>
#include <new>
#include <string>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

namespace ringrpc {
namespace {

// Other calls wait while a message is compressed, so speed matters more than size.
constexpr int zlib_level = Z_BEST_SPEED;
constexpr int zstd_level = 1;
/// The largest window that RFC 8878 asks a decoder to support, 8 MiB. A frame that needs more is refused.
constexpr int zstd_window_log_max = 23;

constexpr int gzip_window_bits = MAX_WBITS + 16;  // selects gzip's frame in zlib
constexpr int zlib_memory_level = 8;              // zlib's own default

constexpr std::size_t first_room_bytes = 4096;

/// The state of decompressing a message.
enum class Progress : std::uint8_t { more_room, finished, malformed };

/// One message in progress: `read` bytes of input were taken, and `written` bytes of output made.
struct Step {
  Bytes input;
  std::vector<std::uint8_t>& output;
  std::size_t read = 0;
  std::size_t written = 0;
};

/// zlib counts in 32 bits. Messages fit, because their prefix has a 4-byte length.
uInt zlib_size(std::size_t bytes) noexcept {
  return static_cast<uInt>(std::min<std::size_t>(bytes, std::numeric_limits<uInt>::max()));
}

Bytef* zlib_input(const std::uint8_t* from) noexcept {
  return const_cast<Bytef*>(from);  // NOLINT(cppcoreguidelines-pro-type-const-cast): zlib only reads it
}

class Deflater {
 public:
  explicit Deflater(int window_bits) {
    if (deflateInit2(&stream_, zlib_level, Z_DEFLATED, window_bits, zlib_memory_level, Z_DEFAULT_STRATEGY) !=
        Z_OK)
      throw std::bad_alloc();
  }
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;
  ~Deflater() { deflateEnd(&stream_); }

  void run(Bytes message, std::vector<std::uint8_t>& to) {
    const std::size_t before = to.size();
    to.resize(before + deflateBound(&stream_, message.size()));
    stream_.next_in = zlib_input(message.data());
    stream_.avail_in = zlib_size(message.size());
    stream_.next_out = to.data() + before;
    stream_.avail_out = zlib_size(to.size() - before);
    [[maybe_unused]] const int result = deflate(&stream_, Z_FINISH);
    assert(result == Z_STREAM_END);
    to.resize(to.size() - stream_.avail_out);
    deflateReset(&stream_);
  }

 private:
  z_stream stream_{};
};

class Inflater {
 public:
  explicit Inflater(int window_bits) {
    if (inflateInit2(&stream_, window_bits) != Z_OK) throw std::bad_alloc();
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  ~Inflater() { inflateEnd(&stream_); }

  void reset() noexcept { inflateReset(&stream_); }

  Progress run(Step& step) {
    stream_.next_in = zlib_input(step.input.data() + step.read);
    stream_.avail_in = zlib_size(step.input.size() - step.read);
    stream_.next_out = step.output.data() + step.written;
    stream_.avail_out = zlib_size(step.output.size() - step.written);
    const int result = inflate(&stream_, Z_NO_FLUSH);
    step.read = step.input.size() - stream_.avail_in;
    step.written = step.output.size() - stream_.avail_out;
    if (result == Z_MEM_ERROR) throw std::bad_alloc();
    if (result == Z_STREAM_END) return Progress::finished;
    return result == Z_OK && stream_.avail_out == 0 ? Progress::more_room : Progress::malformed;
  }

 private:
  z_stream stream_{};
};

class ZstdCompressor {
 public:
  ZstdCompressor() {
    if (!context_) throw std::bad_alloc();
  }

  void run(Bytes message, std::vector<std::uint8_t>& to) {
    const std::size_t before = to.size();
    to.resize(before + ZSTD_compressBound(message.size()));
    const std::size_t made = ZSTD_compressCCtx(context_.get(), to.data() + before, to.size() - before,
                                               message.data(), message.size(), zstd_level);
    if (ZSTD_isError(made)) throw std::bad_alloc();  // there is room, so only memory can be short
    to.resize(before + made);
  }

 private:
  struct Free {
    void operator()(ZSTD_CCtx* context) const noexcept { ZSTD_freeCCtx(context); }
  };
  std::unique_ptr<ZSTD_CCtx, Free> context_{ZSTD_createCCtx()};
};

class ZstdDecompressor {
 public:
  ZstdDecompressor() {
    if (!context_) throw std::bad_alloc();
    ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, zstd_window_log_max);
  }

  void reset() noexcept { ZSTD_DCtx_reset(context_.get(), ZSTD_reset_session_only); }

  Progress run(Step& step) {
    ZSTD_inBuffer input{step.input.data(), step.input.size(), step.read};
    ZSTD_outBuffer output{step.output.data(), step.output.size(), step.written};
    const std::size_t result = ZSTD_decompressStream(context_.get(), &output, &input);
    step.read = input.pos;
    step.written = output.pos;
    if (ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation) throw std::bad_alloc();
    if (ZSTD_isError(result)) return Progress::malformed;
    if (result == 0) return Progress::finished;
    return output.pos == output.size ? Progress::more_room : Progress::malformed;
  }

 private:
  struct Free {
    void operator()(ZSTD_DCtx* context) const noexcept { ZSTD_freeDCtx(context); }
  };
  std::unique_ptr<ZSTD_DCtx, Free> context_{ZSTD_createDCtx()};
};

template <class T, int... arguments>
T& per_thread() {
  thread_local T object(arguments...);
  return object;
}

Status not_such_data(Compression how) {
  return Status(Code::INTERNAL, "a message is not the " + std::string(name(how)) + " data it claims to be",
                Initiator::peer);
}

/// Doubles the room as output fills it. A peer can claim any size at no cost, so the claim is not trusted.
template <class Decoder>
Status restore(Decoder& decoder, Compression how, Bytes message, std::size_t max_bytes,
               std::vector<std::uint8_t>& to) {
  decoder.reset();
  // One byte more than allowed shows that the message is too large.
  const std::size_t room_max = max_bytes + (max_bytes < std::numeric_limits<std::size_t>::max());
  to.resize(std::min(room_max, std::max(first_room_bytes, 2 * message.size())));
  Step step{.input = message, .output = to};
  Progress progress = decoder.run(step);
  while (progress == Progress::more_room && step.written <= max_bytes) {
    to.resize(std::min(room_max, 2 * to.size()));
    progress = decoder.run(step);
  }
  if (step.written > max_bytes)
    return Status(Code::RESOURCE_EXHAUSTED,
                  "received a message that is larger than the limit of " + std::to_string(max_bytes) +
                      " bytes when decompressed",
                  Initiator::peer)
        .with_cause(Cause::message_too_large);
  if (progress != Progress::finished || step.read != message.size()) return not_such_data(how);
  to.resize(step.written);
  return {};
}

}  // namespace

void compress(Compression how, Bytes message, std::vector<std::uint8_t>& to) {
  switch (how) {
    case Compression::gzip:
      return per_thread<Deflater, gzip_window_bits>().run(message, to);
    case Compression::deflate:
      return per_thread<Deflater, MAX_WBITS>().run(message, to);
    case Compression::zstd:
      return per_thread<ZstdCompressor>().run(message, to);
    case Compression::identity:
      to.insert(to.end(), message.begin(), message.end());
  }
}

Status decompress(Compression how, Bytes message, std::size_t max_bytes, std::vector<std::uint8_t>& to) {
  switch (how) {
    case Compression::gzip:
      return restore(per_thread<Inflater, gzip_window_bits>(), how, message, max_bytes, to);
    case Compression::deflate:
      return restore(per_thread<Inflater, MAX_WBITS>(), how, message, max_bytes, to);
    case Compression::zstd:
      return restore(per_thread<ZstdDecompressor>(), how, message, max_bytes, to);
    case Compression::identity:
      break;
  }
  return Status(Code::INTERNAL, "received a compressed message without an agreed grpc-encoding",
                Initiator::peer);
}

}  // namespace ringrpc
