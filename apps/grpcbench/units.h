/// Times as the numbers that results and their pictures show: seconds(timeline.interval()).
#pragma once

#include "ringrpc/clock.h"

namespace ringrpc::grpcbench {

constexpr double seconds(Nanoseconds time) { return static_cast<double>(time.count()) / 1e9; }
constexpr double microseconds(Nanoseconds time) { return static_cast<double>(time.count()) / 1e3; }

}  // namespace ringrpc::grpcbench
