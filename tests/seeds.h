/// The seeds that a test tries. RINGRPC_SEEDS sets their number; RINGRPC_SEED selects one, to run a failing
/// seed again.
///
///   for_each_seed(20, [](std::uint64_t seed) {      // 20 by default
///     INFO("RINGRPC_SEED=", seed);
///     ...
///   });
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>

namespace ringrpc {

inline std::optional<std::uint64_t> number_from_environment(const char* name) {
  const char* text = std::getenv(name);
  return text ? std::optional<std::uint64_t>(std::strtoull(text, nullptr, 10)) : std::nullopt;
}

/// The seed to run again, if there is one.
inline std::optional<std::uint64_t> seed_to_replay() { return number_from_environment("RINGRPC_SEED"); }

/// Tries one seed of `share` of them, from 1 on.
template <class Run>
void for_each_seed(std::uint64_t usual, Run run, std::uint64_t share = 1) {
  if (const auto seed = seed_to_replay()) {
    run(*seed);
    return;
  }
  const std::uint64_t asked = number_from_environment("RINGRPC_SEEDS").value_or(usual);
  const std::uint64_t seeds = std::max<std::uint64_t>(asked / share, 1);
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) run(seed);
}

}  // namespace ringrpc
