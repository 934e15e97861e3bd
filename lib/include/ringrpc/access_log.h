/// The access log of a server: one line for each call, when it has ended.
///
///   auto access = AccessLog::open({.path = "/var/log/routes/access.log", .format = log::Format::json});
///   if (!access) return report(access.error());
///   options.access_log = *access;            // of ServerOptions
///
///   (*access)->reopen();                     // on SIGHUP: logrotate has renamed the file
///
/// A line of JSON has these members; a line of text has them in the same order as
/// `name=value`, after the time:
///
/// - time: the end of the call (RFC 3339), method, and peer: the client's address
/// - identity: of the call's token (BearerAuth::principal), otherwise of the peer (ringrpc/peer_identity.h)
/// - status ("OK", "NOT_FOUND"), and duration_ms: from the request's headers to the status
/// - received_messages, received_bytes, sent_messages, sent_bytes: the bytes as on the wire, without prefixes
/// - request_id: Call::request_id
/// - trace_id: of the call if the server has a tracer (ringrpc/tracer.h), otherwise that of `traceparent`
/// - suppressed: the number of lines that the rate limit has left out since the line before
///
/// `identity`, `trace_id` and `suppressed` are left out when there is none. Texts from clients are escaped
/// as in the log, and cut: the method of an unknown call after 100 bytes, an identity after
/// 256, a request id after 128.
///
/// No shard waits for the file. At most 8192 lines wait to be written; further ones are lost and counted,
/// like those that the file does not take: in warnings in the log, and in the metric
/// ringrpc_log_lines_lost_total.
#pragma once

#include "ringrpc/compiler.h"

#include <cstdint>
#include <memory>
#include <string>

#include "ringrpc/export.h"
#include "ringrpc/log.h"
#include "ringrpc/status.h"

namespace ringrpc {

/// The options of an access log.
struct AccessLogOptions {
  /// The file, which is created with mode 0640 or appended to; "-" is standard output.
  std::string path = "-";
  log::Format format = log::Format::text;  ///< of each line: key=value, or a JSON object
  /// One of so many calls is logged, on each shard the first and then every so many; 0 counts as 1.
  std::uint32_t one_call_of = 1;
  /// Logs failed calls, those with a status other than OK, even if sampling would leave them out.
  bool all_failures = true;
  /// The rate of lines, which is also the largest burst; 0 means no limit. It applies to failed calls too,
  /// because clients can cause any number of them.
  std::uint32_t lines_per_second_max = 0;
};

/// Any number of servers may share it. All functions may be called from any thread.
class RINGRPC_EXPORT AccessLog {
 public:
  /// Opens the file and starts the thread that writes it. The status names the file and the cause.
  [[nodiscard]] static Result<std::shared_ptr<AccessLog>> open(const AccessLogOptions& options);
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;
  /// Writes the lines that wait, unless the file blocks for 2 s.
  ~AccessLog();

  /// Opens the path again, for example after the file was renamed. Later lines go there; if that fails, to
  /// the old file. Do not call it on a shard: opening may block.
  Status reopen();

  /// Waits until all earlier lines have been written, at most 2 s. Do not call it on a shard.
  void flush() noexcept;

 private:
  friend struct detail::Internals;
  struct State;
  State& state() noexcept { return *state_; }
  explicit AccessLog(std::unique_ptr<State> state) noexcept;

  std::unique_ptr<State> state_;
};

}  // namespace ringrpc
