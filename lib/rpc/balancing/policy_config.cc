#include "rpc/balancing/policy_config.h"

#include <algorithm>
#include <array>
#include <google/protobuf/struct.pb.h>
#include <limits>
#include <string>
#include <string_view>

namespace ringrpc {
namespace {

using Policy = std::shared_ptr<const BalancingPolicy>;

Policy read_pick_first(const JsonField& settings) {
  return pick_first({.shuffle = settings["shuffleAddressList"].boolean()});
}

Policy read_round_robin(const JsonField&) { return round_robin(); }

Policy read_least_request(const JsonField& settings) {
  const JsonField choices = settings["choiceCount"];
  if (!choices.given()) return least_request();
  constexpr std::uint64_t least = 2;
  constexpr std::uint64_t most = std::numeric_limits<unsigned>::max();
  return least_request(static_cast<unsigned>(std::min(choices.whole_number(least), most)));
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
};

/// Null if it is not known.
const KnownPolicy* find_policy(std::string_view name) {
  const auto* const found = std::ranges::find(known_policies, name, &KnownPolicy::name);
  return found == known_policies.end() ? nullptr : found;
}

std::string lower_case(std::string text) {
  std::ranges::transform(text, text.begin(), [](char letter) {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
  });
  return text;
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
