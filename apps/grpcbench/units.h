/// Times as the numbers that results and their pictures show.
///
///   seconds(timeline.interval())                          // 0.1
///   const auto [value, unit] = in_unit(0.0087);           // 8.7, "ms"
#pragma once

#include <string_view>

#include "ringrpc/clock.h"

namespace ringrpc::grpcbench {

constexpr double seconds(Nanoseconds time) { return static_cast<double>(time.count()) / 1e9; }
constexpr double microseconds(Nanoseconds time) { return static_cast<double>(time.count()) / 1e3; }

struct InUnit {
  double value;
  std::string_view unit;
};
/// In seconds, milliseconds or microseconds: the longest of which it is one at least, when rounded.
constexpr InUnit in_unit(double seconds) {
  if (seconds == 0 || seconds >= 0.9995) return {seconds, "s"};
  if (seconds >= 0.9995e-3) return {seconds * 1e3, "ms"};
  return {seconds * 1e6, "µs"};
}

}  // namespace ringrpc::grpcbench
