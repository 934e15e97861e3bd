/// The service config of a channel: timeouts, limits, retries and hedging for each method, and the policy of
/// load balancing (https://github.com/grpc/grpc/blob/master/doc/service_config.md).
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
/// `loadBalancingConfig` is a list of policies, of which the first counts that this library has. A list
/// without any is an error. The policies and their settings:
/// - pick_first: shuffleAddressList
/// - round_robin
/// - least_request_experimental: choiceCount
/// - ring_hash_experimental: requestHashHeader, minRingSize, maxRingSize
/// - outlier_detection_experimental: childPolicy, and the other settings of gRFC A50
/// - random_subsetting_experimental: subsetSize, childPolicy
///
/// The names without `_experimental` work too. ringrpc/load_balancing.h describes them. The policy of a
/// service config takes precedence over ChannelOptions::balancing.
///
/// `healthCheckConfig.serviceName` names the service whose health the channel watches at each server (gRFC
/// A17); the empty name stands for the whole server. A server that does not serve gets no calls until it
/// does. The policy pick_first does not check the health of servers.
///
/// A service config never changes, and any number of channels and threads may use it.
#pragma once

#include "ringrpc/compiler.h"

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "ringrpc/clock.h"
#include "ringrpc/export.h"
#include "ringrpc/status.h"

namespace ringrpc {

class BalancingPolicy;

/// A set of status codes.
class CodeSet {
 public:
  constexpr CodeSet() noexcept = default;
  /// These codes.
  constexpr CodeSet(std::initializer_list<Code> codes) noexcept {
    for (const Code code : codes) add(code);
  }
  /// No effect if the set has it.
  constexpr void add(Code code) noexcept { bits_ |= bit(code); }
  /// True if the set has it.
  constexpr bool contains(Code code) const noexcept { return (bits_ & bit(code)) != 0; }
  /// True if it has no codes.
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
  unsigned max_attempts;        ///< the first included; 2 to 5. More in the JSON text count as 5
  Nanoseconds initial_backoff;  ///< the longest wait before the second attempt
  Nanoseconds max_backoff;      ///< the longest wait before any attempt
  double backoff_multiplier;    ///< of the longest wait, with each further attempt
  CodeSet retryable_codes;      ///< other failures end the call
  bool operator==(const RetryPolicy&) const = default;
};

/// Calls are attempted several times at once, and the first response wins (gRFC A6, "Hedging Policy").
struct HedgingPolicy {
  unsigned max_attempts;      ///< the first included; 2 to 5. More in the JSON text count as 5
  Nanoseconds delay{0};       ///< between the beginnings of two attempts
  CodeSet non_fatal_codes{};  ///< other failures end the call
  bool operator==(const HedgingPolicy&) const = default;
};

/// Stops retries and hedging while too many calls fail (gRFC A6, "Throttling Retry Attempts and Hedged
/// RPCs"). The channel begins with `max_milli_tokens`. Each failure takes 1,000 of them, and each success
/// gives `milli_token_ratio` back. There are no further attempts unless more than half of them are left.
struct RetryThrottling {
  std::uint32_t max_milli_tokens;   ///< 1 to 1,000,000
  std::uint32_t milli_token_ratio;  ///< 1 or more
  bool operator==(const RetryThrottling&) const = default;
};

/// The settings of one or more methods. CallOptions and ChannelOptions apply too: of two limits or
/// timeouts the smaller one.
struct MethodConfig {
  std::optional<Nanoseconds> timeout{};                     ///< of the whole call, with all attempts
  std::optional<bool> wait_for_ready{};                     ///< for calls whose CallOptions leave it open
  std::optional<std::size_t> max_request_message_bytes{};   ///< of one message, before compression
  std::optional<std::size_t> max_response_message_bytes{};  ///< of one message, decompressed
  std::optional<RetryPolicy> retry_policy{};                ///< none if there is a hedging policy
  std::optional<HedgingPolicy> hedging_policy{};            ///< none if there is a retry policy
};

/// The service config of a channel, by method.
class RINGRPC_EXPORT ServiceConfig {
 public:
  /// The most bytes of a JSON text.
  static constexpr std::size_t json_bytes_max = 256 * 1024;

  /// Fields that it does not know are ignored. INVALID_ARGUMENT names the field by its path and says what is
  /// wrong: "methodConfig[0].retryPolicy.maxAttempts: 1 is not a whole number from 2 on".
  [[nodiscard]] static Result<std::shared_ptr<const ServiceConfig>> parse(std::string_view json);

  ServiceConfig(const ServiceConfig&) = delete;
  ServiceConfig& operator=(const ServiceConfig&) = delete;
  ~ServiceConfig();

  /// The settings of the method of that path ("/package.Service/Method"): its own, else those of its service,
  /// else those of all services; null if there are none. Valid as long as the service config.
  const MethodConfig* find(std::string_view path) const noexcept;
  /// The throttling of the whole channel.
  const std::optional<RetryThrottling>& retry_throttling() const noexcept;
  /// The first policy of `loadBalancingConfig` that this library has; null if the service
  /// config says nothing about it.
  const std::shared_ptr<const BalancingPolicy>& balancing() const noexcept;
  /// The service whose health is checked; none if health is not checked. At most 1,024 bytes.
  const std::optional<std::string>& health_check_service() const noexcept;

 private:
  struct Content;
  explicit ServiceConfig(std::unique_ptr<const Content> content) noexcept;
  std::unique_ptr<const Content> content_;
};

}  // namespace ringrpc
