/// What the custom mutators of libFuzzer share (record_mutator.cc, json_mutator.cc).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>

// libFuzzer's own mutations, among them those that insert a word of the dictionary or an operand of a comparison.
extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace ringrpc::fuzz {

using Random = std::minstd_rand;

inline std::size_t below(Random& random, std::size_t limit) { return random() % limit; }

/// Changes the text by one mutation of libFuzzer's.
inline void change(std::string& text, std::size_t max_size) {
  const std::size_t size = std::min(text.size(), max_size);
  text.resize(max_size);
  text.resize(LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(text.data()), size, max_size));
}

}  // namespace ringrpc::fuzz
