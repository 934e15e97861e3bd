/// The service config of a channel: timeouts, limits, retries and hedging for each method
/// (https://github.com/grpc/grpc/blob/master/doc/service_config.md).
///
///   Result<std::shared_ptr<const ServiceConfig>> config = ServiceConfig::parse(R"({
///     "methodConfig": [{
///       "name": [{"service": "echo.v1.EchoService"}],
///       "timeout": "2s",
///       "retryPolicy": {
///         "maxAttempts": 4, "initialBackoff": "0.1s", "maxBackoff": "1s", "backoffMultiplier": 2,
///         "retryableStatusCodes": ["UNAVAILABLE"]
///       }
///     }]
///   })");
///   if (!config) return report(config.error());   // names the field: "methodConfig[0].timeout: ..."
///   options.service_config = *config;             // of ChannelOptions
///
/// A service config never changes, and any number of channels and threads may use it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ringrpc/clock.h"
#include "ringrpc/export.h"
#include "ringrpc/status.h"

namespace ringrpc {

/// A set of status codes.
class CodeSet {
 public:
  constexpr CodeSet() noexcept = default;
  constexpr CodeSet(std::initializer_list<Code> codes) noexcept {
    for (const Code code : codes) add(code);
  }
  constexpr void add(Code code) noexcept { bits_ |= bit(code); }
  constexpr bool contains(Code code) const noexcept { return (bits_ & bit(code)) != 0; }
  constexpr bool empty() const noexcept { return bits_ == 0; }
  bool operator==(const CodeSet&) const = default;

 private:
  static constexpr std::uint32_t bit(Code code) noexcept {
    return std::uint32_t{1} << static_cast<unsigned>(code);
  }

  std::uint32_t bits_ = 0;
};

/// Failed calls are attempted again (gRFC A6, "Retry Policy").
struct RetryPolicy {
  unsigned max_attempts;  ///< the first included; 2 to 5. More in the JSON text count as 5
  Nanoseconds initial_backoff;
  Nanoseconds max_backoff;
  double backoff_multiplier;
  CodeSet retryable_codes;
  bool operator==(const RetryPolicy&) const = default;
};

/// Calls are attempted several times at once, and the first response wins (gRFC A6, "Hedging Policy").
struct HedgingPolicy {
  unsigned max_attempts;  ///< the first included; 2 to 5. More in the JSON text count as 5
  Nanoseconds delay{0};   ///< between the beginnings of two attempts
  CodeSet non_fatal_codes{};
  bool operator==(const HedgingPolicy&) const = default;
};

/// Stops retries and hedging while too many calls fail (gRFC A6, "Throttling Retry Attempts and Hedged RPCs"). The
/// channel begins with `max_milli_tokens`. Each failure takes 1,000 of them, and each success gives `milli_token_ratio`
/// back. There are no further attempts unless more than half of them are left.
struct RetryThrottling {
  std::uint32_t max_milli_tokens;  ///< 1 to 1,000,000
  std::uint32_t milli_token_ratio;
  bool operator==(const RetryThrottling&) const = default;
};

/// The settings of one or more methods. CallOptions and ChannelOptions apply too: of two limits or timeouts the smaller
/// one.
struct MethodConfig {
  std::optional<Nanoseconds> timeout{};
  std::optional<bool> wait_for_ready{};  ///< for calls whose CallOptions leave it open
  std::optional<std::size_t> max_request_message_bytes{};
  std::optional<std::size_t> max_response_message_bytes{};
  // At most one of these.
  std::optional<RetryPolicy> retry_policy{};
  std::optional<HedgingPolicy> hedging_policy{};
};

/// A load-balancing policy and its own settings.
struct LoadBalancingConfig {
  std::string policy;  ///< "round_robin"
  std::string config;  ///< a JSON object
};

class RINGRPC_EXPORT ServiceConfig {
 public:
  /// The most bytes of a JSON text.
  static constexpr std::size_t json_bytes_max = 256 * 1024;

  /// Fields that it does not know are ignored. INVALID_ARGUMENT names the field by its path and says what is wrong:
  /// "methodConfig[0].retryPolicy.maxAttempts: 1 is not a whole number from 2 on".
  static Result<std::shared_ptr<const ServiceConfig>> parse(std::string_view json);

  ServiceConfig(const ServiceConfig&) = delete;
  ServiceConfig& operator=(const ServiceConfig&) = delete;
  ~ServiceConfig();

  /// The settings of the method of that path ("/package.Service/Method"): its own, else those of its service, else those
  /// of all services; null if there are none. Valid as long as the service config.
  const MethodConfig* find(std::string_view path) const noexcept;
  const std::optional<RetryThrottling>& retry_throttling() const noexcept;
  /// In the order of preference. A `loadBalancingPolicy` is the only entry if there is no `loadBalancingConfig`.
  const std::vector<LoadBalancingConfig>& load_balancing() const noexcept;
  /// The service whose health the client checks (gRFC A17); empty is the whole server.
  const std::optional<std::string>& health_check_service() const noexcept;

 private:
  struct Content;
  explicit ServiceConfig(std::unique_ptr<const Content> content) noexcept;
  std::unique_ptr<const Content> content_;
};

}  // namespace ringrpc
