/// The flag `--lb` of the client programs.
///
///   line.add(balancing_setting("Connection", "", values.balancing));
///   options.balancing = policy_of(values.balancing);
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "ringrpc/load_balancing.h"

#include "common/setting.h"

namespace ringrpc::apps {

enum class Balancing : std::uint8_t { pick_first, round_robin, least_request };

/// `more` is added to the help.
Setting balancing_setting(const std::string& group, const std::string& more, Balancing& target);

std::shared_ptr<const BalancingPolicy> policy_of(Balancing balancing);

}  // namespace ringrpc::apps
