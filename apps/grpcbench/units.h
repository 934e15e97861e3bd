/// Formats times and counts for results and charts.
///
///   seconds(timeline.interval())                          // 0.1
///   const auto [value, unit] = in_unit(0.0087);           // 8.7, "ms"
///   grouped(1234567)                                      // "1,234,567"
///   counted(1, "call")                                    // "1 call"
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "ringrpc/clock.h"

namespace ringrpc::grpcbench {

constexpr double seconds(Nanoseconds time) { return static_cast<double>(time.count()) / 1e9; }
constexpr double microseconds(Nanoseconds time) { return static_cast<double>(time.count()) / 1e3; }

struct InUnit {
  double value;
  std::string_view unit;
};
/// In seconds, milliseconds or microseconds: the largest unit in which the rounded value is at least one.
constexpr InUnit in_unit(double seconds) {
  if (seconds == 0 || seconds >= 0.9995) return {seconds, "s"};
  if (seconds >= 0.9995e-3) return {seconds * 1e3, "ms"};
  return {seconds * 1e6, "µs"};
}

inline std::string grouped(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, 1, ',');
  return digits;
}

/// The number with `noun`, which is given in the singular.
inline std::string counted(std::uint64_t number, std::string_view noun) {
  return grouped(number).append(" ").append(noun).append(number == 1 ? "" : "s");
}

}  // namespace ringrpc::grpcbench
