#include "rpc/balancing/policy_config.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <google/protobuf/struct.pb.h>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "ringrpc/metadata.h"

namespace ringrpc {
namespace {

using Policy = std::shared_ptr<const BalancingPolicy>;

std::string lower_case(std::string text) {
  std::ranges::transform(text, text.begin(), [](char letter) {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
  });
  return text;
}

/// A number that has a default.
template <class Number>
Number number_or(const JsonField& field, Number usual, std::uint64_t least,
                 std::uint64_t most = std::numeric_limits<Number>::max()) {
  if (!field.given()) return usual;
  const std::uint64_t number = field.whole_number(least);
  if (number > most) field.refuse("it must be at most " + std::to_string(most));
  return static_cast<Number>(std::min(number, most));
}

Policy read_pick_first(const JsonField& settings) {
  return pick_first({.shuffle = settings["shuffleAddressList"].boolean()});
}

Policy read_round_robin(const JsonField&) { return round_robin(); }

Policy read_least_request(const JsonField& settings) {
  return least_request(number_or(settings["choiceCount"], 2u, 2));
}

constexpr std::uint64_t percent_max = 100;

Policy read_ring_hash(const JsonField& settings) {
  constexpr std::uint64_t size_max = 8 * 1024 * 1024;  // gRFC A42
  RingHashOptions options;
  options.min_ring_size = number_or(settings["minRingSize"], options.min_ring_size, 1, size_max);
  options.max_ring_size = number_or(settings["maxRingSize"], options.max_ring_size, 1, size_max);
  if (options.min_ring_size > options.max_ring_size)
    settings["minRingSize"].refuse("it must be at most maxRingSize, " +
                                   std::to_string(options.max_ring_size));
  const JsonField header = settings["requestHashHeader"];
  options.header = lower_case(header.text());
  if (options.header.ends_with("-bin")) header.refuse("it must not end with -bin");
  if (header.given() && !Metadata().add(options.header, "x").ok())
    header.refuse(header.json() + " is not a name for metadata");
  return ring_hash(options);
}

std::optional<OutlierDetectionOptions::SuccessRate> read_success_rate(const JsonField& field) {
  if (!field.given()) return std::nullopt;
  OutlierDetectionOptions::SuccessRate rule;
  rule.stdev_factor = number_or(field["stdevFactor"], rule.stdev_factor, 0);
  rule.enforcement_percentage =
      number_or(field["enforcementPercentage"], rule.enforcement_percentage, 0, percent_max);
  rule.minimum_hosts = number_or(field["minimumHosts"], rule.minimum_hosts, 0);
  rule.request_volume = number_or(field["requestVolume"], rule.request_volume, 0);
  return rule;
}

std::optional<OutlierDetectionOptions::FailurePercentage> read_failure_percentage(const JsonField& field) {
  if (!field.given()) return std::nullopt;
  OutlierDetectionOptions::FailurePercentage rule;
  rule.threshold = number_or(field["threshold"], rule.threshold, 0, percent_max);
  rule.enforcement_percentage =
      number_or(field["enforcementPercentage"], rule.enforcement_percentage, 0, percent_max);
  rule.minimum_hosts = number_or(field["minimumHosts"], rule.minimum_hosts, 0);
  rule.request_volume = number_or(field["requestVolume"], rule.request_volume, 0);
  return rule;
}

Policy read_outlier_detection(const JsonField& settings) {
  OutlierDetectionOptions options;
  const auto read_time = [&](const char* name, Nanoseconds& time) {
    if (const JsonField field = settings[name]; field.given()) time = field.duration();
  };
  read_time("interval", options.interval);
  read_time("baseEjectionTime", options.base_ejection_time);
  read_time("maxEjectionTime", options.max_ejection_time);
  options.max_ejection_percent =
      number_or(settings["maxEjectionPercent"], options.max_ejection_percent, 0, percent_max);
  options.success_rate = read_success_rate(settings["successRateEjection"]);
  options.failure_percentage = read_failure_percentage(settings["failurePercentageEjection"]);
  return outlier_detection(read_policy(settings["childPolicy"]), options);
}

Policy read_random_subsetting(const JsonField& settings) {
  const auto size = number_or(settings["subsetSize"].required(), std::size_t{1}, 1);
  return random_subsetting(size, read_policy(settings["childPolicy"]));
}

struct KnownPolicy {
  std::string_view name;
  Policy (*read)(const JsonField& settings);
};

constexpr std::array known_policies = {
    KnownPolicy{"pick_first", read_pick_first},
    KnownPolicy{"round_robin", read_round_robin},
    KnownPolicy{"least_request", read_least_request},
    KnownPolicy{"least_request_experimental", read_least_request},
    KnownPolicy{"ring_hash", read_ring_hash},
    KnownPolicy{"ring_hash_experimental", read_ring_hash},
    KnownPolicy{"outlier_detection", read_outlier_detection},
    KnownPolicy{"outlier_detection_experimental", read_outlier_detection},
    KnownPolicy{"random_subsetting", read_random_subsetting},
    KnownPolicy{"random_subsetting_experimental", read_random_subsetting},
};

/// Null if it is not known.
const KnownPolicy* find_policy(std::string_view name) {
  const auto* const found = std::ranges::find(known_policies, name, &KnownPolicy::name);
  return found == known_policies.end() ? nullptr : found;
}

}  // namespace

Policy read_policy(const JsonField& list) {
  std::string names;
  for (const JsonField& entry : list.required().elements()) {
    const auto members = entry.members();
    if (members.size() != 1) {
      entry.refuse("it must have the name of one policy, with the object of its settings");
      return nullptr;
    }
    const auto& [name, settings] = members.front();
    (void)settings.members();  // they are an object
    if (const KnownPolicy* const known = find_policy(name)) return known->read(settings);
    names.append(names.empty() ? "" : ", ").append(name);
  }
  list.refuse(names.empty() ? "it must have a policy" : "none of its policies is known: " + names);
  return nullptr;
}

Policy read_policy_name(const JsonField& name) {
  const KnownPolicy* const known = find_policy(lower_case(name.text()));
  if (!known) {
    name.refuse("there is no policy " + name.json());
    return nullptr;
  }
  google::protobuf::Value none;
  none.set_null_value(google::protobuf::NULL_VALUE);
  JsonFault fault;
  Policy policy = known->read(JsonField(none, fault));
  if (fault) name.refuse(name.json() + " has settings, and needs loadBalancingConfig: " + *fault);
  return policy;
}

}  // namespace ringrpc
