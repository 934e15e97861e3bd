#include "ringrpc/service_config.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <google/protobuf/struct.pb.h>
#include <initializer_list>
#include <limits>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "ringrpc/log.h"

#include "rpc/balancing/policy_config.h"
#include "rpc/wire/json_field.h"

namespace ringrpc {
namespace {

namespace pb = google::protobuf;

/// gRFC A6: more attempts count as this many.
constexpr std::uint64_t policy_attempts_max = 5;
constexpr double throttle_tokens_max = 1000;
constexpr double milli = 1000;
constexpr std::uint32_t code_count = 17;
constexpr std::size_t health_service_bytes_max = 1024;  // as HealthService has it

struct TextHash {
  using is_transparent = void;  // NOLINT(readability-identifier-naming): the standard library's name
  std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>()(text); }
};

unsigned read_attempts(const JsonField& field) {
  constexpr std::uint64_t least = 2;
  return static_cast<unsigned>(std::min(field.required().whole_number(least), policy_attempts_max));
}

Nanoseconds read_backoff(const JsonField& field) {
  const Nanoseconds backoff = field.required().duration();
  if (backoff == Nanoseconds::zero()) field.refuse("it must be more than 0 s");
  return backoff;
}

/// A code by its name or its number.
void read_code(const JsonField& field, CodeSet& codes) {
  const std::string text = field.json();
  for (std::uint32_t number = 0; number < code_count; ++number) {
    const Code code = *code_from_number(number);
    if (text == std::to_string(number) || text == '"' + std::string(name(code)) + '"') return codes.add(code);
  }
  field.refuse(text + " is not a status code of gRPC");
}

CodeSet read_codes(const JsonField& field) {
  CodeSet codes;
  for (const JsonField& code : field.elements()) read_code(code, codes);
  return codes;
}

RetryPolicy read_retry_policy(const JsonField& field) {
  const JsonField multiplier = field["backoffMultiplier"];
  const JsonField codes = field["retryableStatusCodes"];
  RetryPolicy policy{.max_attempts = read_attempts(field["maxAttempts"]),
                     .initial_backoff = read_backoff(field["initialBackoff"]),
                     .max_backoff = read_backoff(field["maxBackoff"]),
                     .backoff_multiplier = multiplier.required().number(),
                     .retryable_codes = read_codes(codes.required())};
  if (policy.backoff_multiplier <= 0) multiplier.refuse("it must be more than 0");
  if (policy.retryable_codes.empty()) codes.refuse("it must have at least one code");
  return policy;
}

HedgingPolicy read_hedging_policy(const JsonField& field) {
  return {.max_attempts = read_attempts(field["maxAttempts"]),
          .delay = field["hedgingDelay"].duration(),
          .non_fatal_codes = read_codes(field["nonFatalStatusCodes"])};
}

std::optional<std::size_t> read_limit(const JsonField& field) {
  if (!field.given()) return std::nullopt;
  constexpr std::uint64_t most = std::numeric_limits<std::uint32_t>::max();  // of gRPC's length prefix
  return static_cast<std::size_t>(std::min(field.whole_number(0), most));
}

MethodConfig read_method_config(const JsonField& field) {
  MethodConfig method;
  if (const JsonField timeout = field["timeout"]; timeout.given()) method.timeout = timeout.duration();
  if (const JsonField wait = field["waitForReady"]; wait.given()) method.wait_for_ready = wait.boolean();
  method.max_request_message_bytes = read_limit(field["maxRequestMessageBytes"]);
  method.max_response_message_bytes = read_limit(field["maxResponseMessageBytes"]);
  const JsonField retry = field["retryPolicy"];
  const JsonField hedging = field["hedgingPolicy"];
  if (retry.given() && hedging.given()) hedging.refuse("there is a retryPolicy already; leave one out");
  if (retry.given()) method.retry_policy = read_retry_policy(retry);
  if (hedging.given()) method.hedging_policy = read_hedging_policy(hedging);
  return method;
}

/// The key of a name: "/service/method", "/service/", or "" for all services.
std::string read_name(const JsonField& field) {
  const std::string service = field["service"].text();
  const std::string method = field["method"].text();
  if (service.empty() && !method.empty()) field.refuse("a method needs its service");
  return service.empty() ? std::string() : "/" + service + "/" + method;
}

RetryThrottling read_throttling(const JsonField& field) {
  const JsonField tokens = field["maxTokens"];
  const JsonField ratio = field["tokenRatio"];
  const double most = tokens.required().number();
  const bool within = most > 0 && most <= throttle_tokens_max;  // NaN is not
  if (!within) tokens.refuse("it must be more than 0 and at most 1000");
  const double given_back = ratio.required().number();
  if (!(given_back > 0)) ratio.refuse("it must be more than 0");
  const auto in_milli = [](double value) {
    return static_cast<std::uint32_t>(std::clamp(value, 0.0, throttle_tokens_max) * milli + 1e-6);
  };
  return {.max_milli_tokens = in_milli(most), .milli_token_ratio = in_milli(given_back)};
}

std::shared_ptr<const BalancingPolicy> read_balancing(const JsonField& config) {
  if (const JsonField list = config["loadBalancingConfig"]; list.given()) return read_policy(list);
  if (const JsonField name = config["loadBalancingPolicy"]; name.given()) return read_policy_name(name);
  return nullptr;
}

std::optional<std::string> read_health_check(const JsonField& config) {
  const JsonField name = config["serviceName"];
  if (!name.given()) return std::nullopt;
  std::string service = name.text();
  if (service.size() > health_service_bytes_max)
    name.refuse("it has " + std::to_string(service.size()) + " bytes, the limit is " +
                std::to_string(health_service_bytes_max));
  return service;
}

/// The paths of members that have no meaning here, in the order of the alphabet.
std::vector<std::string> unknown_fields(const JsonField& config) {
  std::vector<std::string> unknown;
  const auto check = [&](const JsonField& object, std::initializer_list<std::string_view> known) {
    for (const auto& [name, member] : object.members())
      if (std::ranges::find(known, name) == known.end()) unknown.push_back(member.path());
  };
  check(config, {"loadBalancingPolicy", "loadBalancingConfig", "methodConfig", "retryThrottling",
                 "healthCheckConfig"});
  check(config["retryThrottling"], {"maxTokens", "tokenRatio"});
  check(config["healthCheckConfig"], {"serviceName"});
  for (const JsonField& method : config["methodConfig"].elements()) {
    check(method, {"name", "timeout", "waitForReady", "maxRequestMessageBytes", "maxResponseMessageBytes",
                   "retryPolicy", "hedgingPolicy"});
    check(method["retryPolicy"],
          {"maxAttempts", "initialBackoff", "maxBackoff", "backoffMultiplier", "retryableStatusCodes"});
    check(method["hedgingPolicy"], {"maxAttempts", "hedgingDelay", "nonFatalStatusCodes"});
    for (const JsonField& name : method["name"].elements()) check(name, {"service", "method"});
  }
  std::ranges::sort(unknown);
  return unknown;
}

/// Fields of tomorrow are no fault, but a misspelt one should be seen.
void log_unknown_fields(const JsonField& config) {
  constexpr std::size_t named_max = 5;
  const std::vector<std::string> unknown = unknown_fields(config);
  if (unknown.empty()) return;
  std::string named;
  for (const std::string& path : std::span(unknown).first(std::min(unknown.size(), named_max)))
    named.append(named.empty() ? "" : ", ").append(path);
  if (unknown.size() > named_max) named += ", ...";
  log::warn("the service config has fields that are unknown and have no effect: {}",
            log::Field("fields", std::string_view(named)));
}

std::unexpected<Status> invalid_config(std::string why) {
  return fail(Code::INVALID_ARGUMENT, "the service config is invalid: " + std::move(why));
}

}  // namespace

struct ServiceConfig::Content {
  std::vector<MethodConfig> methods;
  std::unordered_map<std::string, std::size_t, TextHash, std::equal_to<>> index;
  std::optional<RetryThrottling> throttling;
  std::shared_ptr<const BalancingPolicy> balancing;
  std::optional<std::string> health_check_service;

  void read(const JsonField& config) {
    for (const JsonField& field : config["methodConfig"].elements()) {
      methods.push_back(read_method_config(field));
      for (const JsonField& name : field["name"].elements()) {
        const auto added = index.emplace(read_name(name), methods.size() - 1);
        if (!added.second) name.refuse("another methodConfig has this name already");
      }
    }
    if (const JsonField field = config["retryThrottling"]; field.given()) throttling = read_throttling(field);
    balancing = read_balancing(config);
    health_check_service = read_health_check(config["healthCheckConfig"]);
  }
};

ServiceConfig::ServiceConfig(std::unique_ptr<const Content> content) noexcept
    : content_(std::move(content)) {}

ServiceConfig::~ServiceConfig() = default;

Result<std::shared_ptr<const ServiceConfig>> ServiceConfig::parse(std::string_view json) {
  if (json.size() > json_bytes_max)
    return invalid_config("it has " + std::to_string(json.size()) + " bytes, the limit is " +
                          std::to_string(json_bytes_max));
  pb::Value root;
  JsonFault fault = parse_json(json, root);
  if (fault) return invalid_config("it is not JSON: " + *fault);
  auto content = std::make_unique<Content>();
  const JsonField config(root, fault);
  if (!root.has_struct_value()) {
    config.refuse("it must be a JSON object");
  } else {
    content->read(config);
  }
  if (fault) return invalid_config(std::move(*fault));
  log_unknown_fields(config);
  return std::shared_ptr<const ServiceConfig>(new ServiceConfig(std::move(content)));
}

const MethodConfig* ServiceConfig::find(std::string_view path) const noexcept {
  const auto& index = content_->index;
  auto found = index.find(path);
  if (found == index.end()) found = index.find(path.substr(0, path.rfind('/') + 1));
  if (found == index.end()) found = index.find(std::string_view());
  return found == index.end() ? nullptr : &content_->methods[found->second];
}

const std::optional<RetryThrottling>& ServiceConfig::retry_throttling() const noexcept {
  return content_->throttling;
}

const std::shared_ptr<const BalancingPolicy>& ServiceConfig::balancing() const noexcept {
  return content_->balancing;
}

const std::optional<std::string>& ServiceConfig::health_check_service() const noexcept {
  return content_->health_check_service;
}

}  // namespace ringrpc
