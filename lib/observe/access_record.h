/// One call, for the access log (ringrpc/access_log.h), and the choice of the calls that are logged.
///
///   AccessSampler sampler(access_log);                     // of a shard
///   if (const auto place = sampler.take(code, now)) place->write(record);
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "ringrpc/access_log.h"
#include "ringrpc/clock.h"
#include "ringrpc/status.h"

#include "observe/call_metrics.h"

namespace ringrpc {

inline constexpr std::string_view request_id_name = "x-request-id";
/// The hexadecimal digits of a request id that the server makes.
inline constexpr std::size_t request_id_digits = 16;
/// The limit of a request id; a longer one is cut.
inline constexpr std::size_t request_id_bytes_max = 128;

/// The views must stay valid until the record is written. Empty fields are left out.
struct AccessRecord {
  std::string_view method{};
  std::string_view peer{};
  std::string_view identity{};
  Code code = Code::OK;
  Nanoseconds duration{};
  std::uint64_t received_messages = 0;
  std::uint64_t sent_messages = 0;
  CallTraffic traffic{};
  std::string_view request_id{};
  std::string_view trace_id{};
};

/// The record's line without the time: `"method":"/echo…","peer":…` or `method=/echo… peer=…`.
std::string access_line(const AccessRecord& record, log::Format format, std::uint64_t suppressed);

/// A shard's part of the access log.
class AccessSampler {
 public:
  explicit AccessSampler(std::shared_ptr<AccessLog> log) noexcept;

  /// The place of a line.
  struct Place {
    AccessLog& log;
    std::uint64_t suppressed;  ///< lines that the rate limit has left out since the one before

    /// Never waits. If there is no memory for the line, it is lost.
    void write(const AccessRecord& record) const noexcept;
  };

  /// None if the call is not to be logged. Call once for each call that ends, and write the
  /// record if there is a place.
  std::optional<Place> take(Code code, Instant now) noexcept;

 private:
  bool sampled() noexcept;

  const std::shared_ptr<AccessLog> log_;
  std::uint32_t skipped_ = 0;  // calls since the last one that was sampled
};

}  // namespace ringrpc
