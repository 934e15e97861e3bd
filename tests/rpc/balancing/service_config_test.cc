/// Service configs: what is read from their JSON, and what is refused.

#include "ringrpc/service_config.h"

#include <chrono>
#include <doctest/doctest.h>
#include <string>
#include <utility>
#include <vector>

#include "rpc/kept_log.h"

namespace ringrpc {
namespace {

using namespace std::chrono_literals;

std::string refusal(std::string_view json) {
  const auto config = ServiceConfig::parse(json);
  if (config) return "none";
  CHECK(config.error().code() == Code::INVALID_ARGUMENT);
  constexpr std::string_view prefix = "the service config is invalid: ";
  const std::string_view message = config.error().message();
  CHECK(message.starts_with(prefix));
  return std::string(message.substr(prefix.size()));
}

/// The refusal of a config with one method that has these settings.
std::string refusal_of_method(const std::string& settings) {
  return refusal(R"({"methodConfig": [{"name": [{}], )" + settings + "}]}");
}

std::string retry_policy(const std::string& changed) {
  std::string policy = R"("retryPolicy": {)";
  const std::pair<std::string, std::string> members[] = {{"maxAttempts", "3"},
                                                         {"initialBackoff", "\"0.1s\""},
                                                         {"maxBackoff", "\"1s\""},
                                                         {"backoffMultiplier", "2"},
                                                         {"retryableStatusCodes", "[\"UNAVAILABLE\"]"}};
  for (const auto& [name, value] : members)
    if (!changed.starts_with('"' + name)) policy += '"' + name + "\": " + value + ",";
  if (changed.ends_with(": absent")) {
    policy.pop_back();
    return policy + "}";
  }
  return policy + changed + "}";
}

TEST_CASE("a service config of many levels is refused at once") {
  const auto repeated = [](std::string_view part, int times) {
    std::string text;
    for (int i = 0; i < times; ++i) text += part;
    return text;
  };
  constexpr int levels = 30'000;
  constexpr std::string_view too_deep = "it is not JSON: it has more than 100 levels";
  CHECK(refusal(R"({"a":)" + repeated("[", levels) + repeated("]", levels) + "}") == too_deep);
  CHECK(refusal(repeated(R"({"a":)", levels) + "1" + repeated("}", levels)) == too_deep);
  CHECK(refusal(R"({"a\"[":"]]]\\", 'b"': [)" + repeated("[", levels)) == too_deep);
  CHECK(ServiceConfig::parse(R"({"a":")" + repeated("[", levels) + "\"}"));
  CHECK(ServiceConfig::parse(R"({"a":[)" + repeated("[],", levels) + "1]}"));
}

TEST_CASE("a service config has the settings of each method") {
  const auto config = ServiceConfig::parse(R"({
    "methodConfig": [
      {"name": [{"service": "a.B", "method": "C"}, {"service": "a.D"}], "timeout": "1.5s", "waitForReady": true,
       "maxRequestMessageBytes": 100, "maxResponseMessageBytes": "200"},
      {"name": [{"service": "a.B"}],
       "retryPolicy": {"maxAttempts": 9, "initialBackoff": "0.000000001s", "maxBackoff": "10s",
                       "backoffMultiplier": 1.5, "retryableStatusCodes": ["UNAVAILABLE", 4, "ABORTED"]}},
      {"name": [{}],
       "hedgingPolicy": {"maxAttempts": 4, "hedgingDelay": "0.25s", "nonFatalStatusCodes": ["INTERNAL"]}}
    ],
    "retryThrottling": {"maxTokens": 10, "tokenRatio": 0.1},
    "loadBalancingConfig": [{"a policy of tomorrow": {}}, {"round_robin": {}}, {}],
    "healthCheckConfig": {},
    "somethingNew": {"x": [1, null]}
  })");
  REQUIRE_MESSAGE(config, config.error().to_string());
  const ServiceConfig& all = **config;

  const MethodConfig* const method = all.find("/a.B/C");
  REQUIRE(method);
  CHECK(method->timeout == Nanoseconds(1'500'000'000));
  CHECK(method->wait_for_ready == true);
  CHECK(method->max_request_message_bytes == 100);
  CHECK(method->max_response_message_bytes == 200);
  CHECK_FALSE(method->retry_policy);
  CHECK(all.find("/a.D/Any") == method);

  const MethodConfig* const service = all.find("/a.B/Other");
  REQUIRE(service);
  CHECK_FALSE(service->timeout);
  CHECK(service->retry_policy ==
        RetryPolicy{.max_attempts = 5,
                    .initial_backoff = 1ns,
                    .max_backoff = 10s,
                    .backoff_multiplier = 1.5,
                    .retryable_codes = {Code::UNAVAILABLE, Code::DEADLINE_EXCEEDED, Code::ABORTED}});

  const MethodConfig* const rest = all.find("/x.Y/Z");
  REQUIRE(rest);
  CHECK(all.find("no path") == rest);
  CHECK(rest->hedging_policy ==
        HedgingPolicy{.max_attempts = 4, .delay = 250ms, .non_fatal_codes = {Code::INTERNAL}});

  CHECK(all.retry_throttling() == RetryThrottling{.max_milli_tokens = 10'000, .milli_token_ratio = 100});
  CHECK(all.balancing());
  const auto nested = ServiceConfig::parse(R"({"loadBalancingConfig": [{"outlier_detection_experimental": {
    "interval": "5s", "baseEjectionTime": "10s", "maxEjectionTime": "100s", "maxEjectionPercent": 20,
    "successRateEjection": {"stdevFactor": 1000}, "failurePercentageEjection": {"threshold": 50},
    "childPolicy": [{"random_subsetting_experimental": {"subsetSize": 3, "childPolicy": [{"ring_hash_experimental": {}}]}}]
  }}]})");
  REQUIRE_MESSAGE(nested, nested.error().to_string());
  CHECK((*nested)->balancing());
}

TEST_CASE("an empty service config has nothing, and null is the same as absent") {
  for (const char* json : {"{}", R"({"methodConfig": [], "retryThrottling": null})",
                           R"({"methodConfig": [{"name": []}], "loadBalancingConfig": null})"}) {
    CAPTURE(json);
    const auto config = ServiceConfig::parse(json);
    REQUIRE_MESSAGE(config, config.error().to_string());
    CHECK((*config)->find("/a.B/C") == nullptr);
    CHECK_FALSE((*config)->retry_throttling());
    CHECK_FALSE((*config)->balancing());
    CHECK_FALSE((*config)->health_check_service());
  }
}

TEST_CASE("a health check has a service, or the empty name for the whole server") {
  for (const std::string name : {"a.B", ""}) {
    const auto config = ServiceConfig::parse(R"({"healthCheckConfig": {"serviceName": ")" + name + "\"}}");
    REQUIRE_MESSAGE(config, config.error().to_string());
    CHECK((*config)->health_check_service() == name);
  }
}

TEST_CASE("the older loadBalancingPolicy counts if there is no loadBalancingConfig") {
  const auto old = ServiceConfig::parse(R"({"loadBalancingPolicy": "ROUND_ROBIN"})");
  REQUIRE(old);
  CHECK((*old)->balancing());
  const auto both =
      ServiceConfig::parse(R"({"loadBalancingPolicy": "x", "loadBalancingConfig": [{"pick_first": {}}]})");
  REQUIRE(both);
  CHECK((*both)->balancing());
}

TEST_CASE("a fault names its field") {
  const std::vector<std::pair<std::string, std::string>> table = {
      {"[]", "it must be a JSON object"},
      {R"({"methodConfig": {}})", "methodConfig: {} is not a list"},
      {R"({"methodConfig": [1]})", "methodConfig[0]: 1 is not an object"},
      {R"({"methodConfig": [{"name": [{}]}, {"name": [{"method": "C"}]}]})",
       "methodConfig[1].name[0]: a method needs its service"},
      {R"({"methodConfig": [{"name": [{"service": 7}]}]})",
       "methodConfig[0].name[0].service: 7 is not a string"},
      {R"({"methodConfig": [{"name": [{"service": "a"}]}, {"name": [{"service": "b"}, {"service": "a"}]}]})",
       "methodConfig[1].name[1]: another methodConfig has this name already"},
      {R"({"methodConfig": [{"name": [{}, {}]}]})",
       "methodConfig[0].name[1]: another methodConfig has this name already"},
      {R"({"retryThrottling": {"maxTokens": 0, "tokenRatio": 1}})",
       "retryThrottling.maxTokens: it must be more than 0 and at most 1000"},
      {R"({"retryThrottling": {"maxTokens": 1001, "tokenRatio": 1}})",
       "retryThrottling.maxTokens: it must be more than 0 and at most 1000"},
      {R"({"retryThrottling": {"maxTokens": 1}})", "retryThrottling.tokenRatio: it is missing"},
      {R"({"retryThrottling": {"maxTokens": 1, "tokenRatio": -1}})",
       "retryThrottling.tokenRatio: it must be more than 0"},
      {R"({"loadBalancingConfig": [{"a": {}, "b": {}}]})",
       "loadBalancingConfig[0]: it must have the name of one policy, with the object of its settings"},
      {R"({"loadBalancingConfig": [{}]})",
       "loadBalancingConfig[0]: it must have the name of one policy, with the object of its settings"},
      {R"({"loadBalancingConfig": [{"a": 1}]})", "loadBalancingConfig[0].a: 1 is not an object"},
      {R"({"loadBalancingConfig": []})", "loadBalancingConfig: it must have a policy"},
      {R"({"loadBalancingConfig": [{"a": {}}, {"b": {}}]})",
       "loadBalancingConfig: none of its policies is known: a, b"},
      {R"({"loadBalancingPolicy": "best"})", R"(loadBalancingPolicy: there is no policy "best")"},
      {R"({"loadBalancingConfig": [{"pick_first": {"shuffleAddressList": 1}}]})",
       "loadBalancingConfig[0].pick_first.shuffleAddressList: 1 is not true or false"},
      {R"({"loadBalancingConfig": [{"least_request_experimental": {"choiceCount": 1}}]})",
       "loadBalancingConfig[0].least_request_experimental.choiceCount: 1 is not a whole number from 2 on"},
      {R"({"loadBalancingConfig": [{"ring_hash_experimental": {"minRingSize": 9, "maxRingSize": 8}}]})",
       "loadBalancingConfig[0].ring_hash_experimental.minRingSize: it must be at most maxRingSize, 8"},
      {R"({"loadBalancingConfig": [{"ring_hash_experimental": {"minRingSize": 0}}]})",
       "loadBalancingConfig[0].ring_hash_experimental.minRingSize: 0 is not a whole number from 1 on"},
      {R"({"loadBalancingConfig": [{"ring_hash_experimental": {"maxRingSize": 8388609}}]})",
       "loadBalancingConfig[0].ring_hash_experimental.maxRingSize: it must be at most 8388608"},
      {R"({"loadBalancingConfig": [{"ring_hash_experimental": {"requestHashHeader": "key-bin"}}]})",
       "loadBalancingConfig[0].ring_hash_experimental.requestHashHeader: it must not end with -bin"},
      {R"({"loadBalancingConfig": [{"ring_hash_experimental": {"requestHashHeader": "a b"}}]})",
       R"(loadBalancingConfig[0].ring_hash_experimental.requestHashHeader: "a b" is not a name for metadata)"},
      {R"({"loadBalancingConfig": [{"outlier_detection_experimental": {}}]})",
       "loadBalancingConfig[0].outlier_detection_experimental.childPolicy: it is missing"},
      {R"({"loadBalancingConfig": [{"outlier_detection_experimental": {"interval": "-1s"}}]})",
       R"(loadBalancingConfig[0].outlier_detection_experimental.interval: "-1s" is not a duration such as "1.5s")"},
      {R"({"loadBalancingConfig": [{"outlier_detection_experimental": {"maxEjectionPercent": 101}}]})",
       "loadBalancingConfig[0].outlier_detection_experimental.maxEjectionPercent: it must be at most 100"},
      {R"({"loadBalancingConfig": [{"outlier_detection_experimental": {"childPolicy": [{"x": {}}]}}]})",
       "loadBalancingConfig[0].outlier_detection_experimental.childPolicy: none of its policies is known: x"},
      {R"({"loadBalancingConfig": [{"random_subsetting_experimental": {"childPolicy": [{"round_robin": {}}]}}]})",
       "loadBalancingConfig[0].random_subsetting_experimental.subsetSize: it is missing"},
      {R"({"healthCheckConfig": {"serviceName": 1}})", "healthCheckConfig.serviceName: 1 is not a string"},
      {R"({"healthCheckConfig": {"serviceName": ")" + std::string(1025, 'x') + "\"}}",
       "healthCheckConfig.serviceName: it has 1025 bytes, the limit is 1024"},
  };
  for (const auto& [json, told] : table) {
    CAPTURE(json);
    CHECK(refusal(json) == told);
  }
}

TEST_CASE("unknown fields are logged with their paths, in one line") {
  const test::KeptLog log(log::Level::warn);
  CHECK(ServiceConfig::parse(R"({
    "methodConfig": [{"name": [{"service": "a.B", "methd": "C"}], "timeOut": "1s"}],
    "retryThrottling": {"maxTokens": 10, "tokenRatio": 0.1},
    "loadBalancingConfig": [{"round_robin": {}}],
    "healthCheck": {}})"));
  CHECK(log.text() ==
        "warn the service config has fields that are unknown and have no effect: healthCheck, "
        "methodConfig[0].name[0].methd, methodConfig[0].timeOut\n");
  CHECK(ServiceConfig::parse(R"({"methodConfig": [{"name": [{}], "timeout": "1s"}]})"));
  CHECK(log.lines().size() == 1);
}

TEST_CASE("a fault in the settings of a method names its field") {
  const std::vector<std::pair<std::string, std::string>> table = {
      {R"("timeout": 1)", R"(timeout: 1 is not a duration such as "1.5s")"},
      {R"("timeout": "1")", R"(timeout: "1" is not a duration such as "1.5s")"},
      {R"("timeout": "-1s")", R"(timeout: "-1s" is not a duration such as "1.5s")"},
      {R"("timeout": "1.s")", R"(timeout: "1.s" is not a duration such as "1.5s")"},
      {R"("timeout": "1.0000000001s")", R"(timeout: "1.0000000001s" is not a duration such as "1.5s")"},
      {R"("waitForReady": "true")", R"(waitForReady: "true" is not true or false)"},
      {R"("maxRequestMessageBytes": -1)", "maxRequestMessageBytes: -1 is not a whole number from 0 on"},
      {R"("maxResponseMessageBytes": "x")", R"(maxResponseMessageBytes: "x" is not a number)"},
      {R"("maxResponseMessageBytes": 1.5)", "maxResponseMessageBytes: 1.5 is not a whole number from 0 on"},
      {R"("hedgingPolicy": {"maxAttempts": 1})",
       "hedgingPolicy.maxAttempts: 1 is not a whole number from 2 on"},
      {R"("hedgingPolicy": {})", "hedgingPolicy.maxAttempts: it is missing"},
      {R"("hedgingPolicy": {"maxAttempts": 2, "hedgingDelay": "x"})",
       R"(hedgingPolicy.hedgingDelay: "x" is not a duration such as "1.5s")"},
      {R"("hedgingPolicy": {"maxAttempts": 2, "nonFatalStatusCodes": ["OK", "NONE"]})",
       R"(hedgingPolicy.nonFatalStatusCodes[1]: "NONE" is not a status code of gRPC)"},
      {retry_policy(R"("maxAttempts": 1)"), "retryPolicy.maxAttempts: 1 is not a whole number from 2 on"},
      {retry_policy(R"("maxAttempts": absent)"), "retryPolicy.maxAttempts: it is missing"},
      {retry_policy(R"("initialBackoff": "0s")"), "retryPolicy.initialBackoff: it must be more than 0 s"},
      {retry_policy(R"("initialBackoff": absent)"), "retryPolicy.initialBackoff: it is missing"},
      {retry_policy(R"("maxBackoff": "0s")"), "retryPolicy.maxBackoff: it must be more than 0 s"},
      {retry_policy(R"("maxBackoff": 1)"), R"(retryPolicy.maxBackoff: 1 is not a duration such as "1.5s")"},
      {retry_policy(R"("backoffMultiplier": 0)"), "retryPolicy.backoffMultiplier: it must be more than 0"},
      {retry_policy(R"("backoffMultiplier": absent)"), "retryPolicy.backoffMultiplier: it is missing"},
      {retry_policy(R"("retryableStatusCodes": [])"),
       "retryPolicy.retryableStatusCodes: it must have at least one code"},
      {retry_policy(R"("retryableStatusCodes": [17])"),
       "retryPolicy.retryableStatusCodes[0]: 17 is not a status code of gRPC"},
      {retry_policy(R"("retryableStatusCodes": ["unavailable"])"),
       R"(retryPolicy.retryableStatusCodes[0]: "unavailable" is not a status code of gRPC)"},
      {retry_policy(R"("retryableStatusCodes": absent)"), "retryPolicy.retryableStatusCodes: it is missing"},
  };
  for (const auto& [settings, told] : table) {
    CAPTURE(settings);
    CHECK(refusal_of_method(settings) == "methodConfig[0]." + told);
  }
  CHECK(refusal_of_method(retry_policy(R"("maxAttempts": 2)") + R"(, "hedgingPolicy": {"maxAttempts": 2})") ==
        "methodConfig[0].hedgingPolicy: there is a retryPolicy already; leave one out");
}

TEST_CASE("a text that is no JSON, too long or too deep is refused") {
  CHECK(refusal("") == "it is not JSON: Unexpected end of string. Expected a value, at the end");
  CHECK(refusal("{") == "it is not JSON: Unexpected end of string. Expected an object key or }, at the end");
  CHECK(refusal(R"({"a": 1} x)") == "it is not JSON: Parsing terminated before end of input, before 'x'");
  CHECK(refusal("{\"a\": [],\n \"x\" 3\n}") ==
        "it is not JSON: Expected : between key:value pair, before '3'");
  CHECK(refusal("\xff{").starts_with("it is not JSON: "));
  CHECK(refusal(std::string(100'000, '[')).starts_with("it is not JSON: "));
  CHECK(refusal(R"({"methodConfig": [], "methodConfig": []})").starts_with("it is not JSON: "));
  CHECK(refusal(std::string(ServiceConfig::json_bytes_max + 1, ' ')) ==
        "it has 262145 bytes, the limit is 262144");
}

}  // namespace
}  // namespace ringrpc
