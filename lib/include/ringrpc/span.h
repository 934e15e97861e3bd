/// Finished spans of calls, as gRFC A72 describes them, and the interface that takes them.
///
///   class Printer final : public SpanSink {
///     void take(SpanRecord&& span) noexcept override { std::puts(span.name.c_str()); }
///   };
///
/// A call on a server has the span "Recv.package.Service.Method". A call on a client has
/// "Sent.package.Service.Method", and below it "Attempt.package.Service.Method" for each attempt
/// (https://github.com/grpc/proposal/blob/master/A72-open-telemetry-tracing.md).
#pragma once

#include "ringrpc/compiler.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "ringrpc/export.h"
#include "ringrpc/status.h"
#include "ringrpc/trace_context.h"

namespace ringrpc {

/// The names are valid as long as the process.
struct SpanAttribute {
  std::string_view name;                                ///< "message-size"
  std::variant<bool, std::int64_t, std::string> value;  ///< texts are UTF-8

  friend bool operator==(const SpanAttribute&, const SpanAttribute&) = default;
};

/// A message of a call. Each direction is numbered from 0. The sizes are without the prefix of five bytes.
struct SpanMessage {
  std::int64_t number = 0;     ///< from 0
  std::size_t bytes = 0;       ///< uncompressed
  std::size_t wire_bytes = 0;  ///< as it was sent, perhaps compressed

  friend bool operator==(const SpanMessage&, const SpanMessage&) = default;
};

/// Something that happened during a span. The event of a message has the attributes "sequence-number" and
/// "message-size", and if the message was compressed, "message-size-compressed". Other events have none.
struct SpanEvent {
  std::string_view name;                 ///< valid as long as the process
  std::uint64_t time_ns = 0;             ///< since 1970
  std::optional<SpanMessage> message{};  ///< of "Inbound message" and "Outbound message"
};

/// The numbers are those of OTLP's SpanKind.
enum class SpanKind : std::uint8_t { internal = 1, server = 2, client = 3 };

/// A span that has ended. Only spans of sampled traces exist.
struct SpanRecord {
  /// A longer method is cut; a method that the server does not know is not in the name.
  static constexpr std::size_t name_bytes_max = 256;
  /// Later ones are dropped, and counted.
  static constexpr std::size_t events_max = 128;

  TraceContext context{};                   ///< of this span
  SpanId parent_span_id{};                  ///< zeros for the first span of a trace
  bool parent_remote = false;               ///< the parent is a span of another process
  SpanKind kind = SpanKind::internal;       ///< the side of the call
  std::string name{};                       ///< "Recv.echo.v1.EchoService.Echo" (gRFC A66)
  std::uint64_t start_ns = 0;               ///< since 1970
  std::uint64_t end_ns = 0;                 ///< since 1970, not before `start_ns`
  Code code = Code::OK;                     ///< the status of the call or of the attempt
  std::string message{};                    ///< of that status, at most 1 KiB; empty for OK
  std::vector<SpanAttribute> attributes{};  ///< of the whole span
  std::vector<SpanEvent> events{};          ///< in the order of their times
  std::uint32_t dropped_events = 0;         ///< beyond `events_max`, or for want of memory
};

/// Takes the spans of sampled calls when they end.
class RINGRPC_EXPORT SpanSink {
 public:
  virtual ~SpanSink() = default;

  /// A span begins. False drops it, and `take` is not called for it, so an exporter whose
  /// queue is full costs the call nothing more. Called on the shard of the call, so by several
  /// threads at a time. It must not block.
  virtual bool admits() noexcept { return true; }

  /// A span has ended. Called on the shard of the call, so by several threads at a time. It must not block.
  /// Spans of a call come in the order of their ends: attempts before their call.
  virtual void take(SpanRecord&& span) noexcept = 0;
};

}  // namespace ringrpc
