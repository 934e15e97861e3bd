#include "common/balancing.h"

namespace ringrpc::apps {

Setting balancing_setting(const std::string& group, const std::string& more, Balancing& target) {
  return choice<Balancing>(
      {.name = "lb",
       .group = group,
       .placeholder = "POLICY",
       .help =
           "Which of several addresses gets a call: pick_first (the first that responds), round_robin (all "
           "in turn) or least_request (of two at random, the one with fewer calls)" +
           more,
       .fallback = "pick_first"},
      target,
      {{"pick_first", Balancing::pick_first},
       {"round_robin", Balancing::round_robin},
       {"least_request", Balancing::least_request}});
}

std::shared_ptr<const BalancingPolicy> policy_of(Balancing balancing) {
  switch (balancing) {
    case Balancing::pick_first:
      break;
    case Balancing::round_robin:
      return round_robin();
    case Balancing::least_request:
      return least_request();
  }
  return pick_first();
}

}  // namespace ringrpc::apps
