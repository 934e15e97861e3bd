/// The policies of load balancing by their names in a service config
/// (https://github.com/grpc/grpc-proto, LoadBalancingConfig).
///
///   std::shared_ptr<const BalancingPolicy> policy = read_policy(config["loadBalancingConfig"]);
///
/// A fault in the names or the settings is that of the field
/// (rpc/wire/json_field.h); the result is null then.
#pragma once

#include <memory>

#include "ringrpc/load_balancing.h"

#include "rpc/wire/json_field.h"

namespace ringrpc {

/// The first policy of the list that is known. A list without any is a fault. Those
/// behind it are not looked at.
std::shared_ptr<const BalancingPolicy> read_policy(const JsonField& list);

/// The policy of that name, in any case of letters, with its usual settings: the older
/// field `loadBalancingPolicy`.
std::shared_ptr<const BalancingPolicy> read_policy_name(const JsonField& name);

}  // namespace ringrpc
