/// Random numbers for identifiers: fast, different in every process, and not secret.
///
///   Random random;
///   const std::uint64_t number = random();
#pragma once

#include <bit>
#include <cstdint>
#include <random>

namespace ringrpc {

/// xoshiro256++ by Blackman and Vigna (https://prng.di.unimi.it/): 15 instructions a
/// number. Belongs to one thread.
class Random {
 public:
  /// Reads its seed from the system.
  Random() {
    std::random_device device;
    for (std::uint64_t& word : state_) word = std::uint64_t{device()} << 32 | device();
    state_[0] |= 1;  // zeros would stay zeros
  }

  std::uint64_t operator()() noexcept {
    const std::uint64_t result = std::rotl(state_[0] + state_[3], 23) + state_[0];
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

 private:
  std::uint64_t state_[4];
};

}  // namespace ringrpc
