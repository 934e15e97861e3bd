/// A few of many addresses, drawn by hashes of them and of a seed (gRFC A68): those with the lowest hashes.
///
///   for (const std::size_t at : address_subset(names.size(), 1'000, seed, [&](std::size_t at) {
///          return std::string_view(names[at]);
///        })) ...
///
/// The order of the addresses does not matter, and one that comes or goes changes one place of the subset. Each
/// seed draws another subset.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace ringrpc {

/// The indices, in ascending order, of at most `size` of the `count` addresses. Throws std::bad_alloc.
template <class AddressAt>
std::vector<std::size_t> address_subset(std::size_t count, std::size_t size, std::uint64_t seed,
                                        AddressAt address_at) {
  struct Ranked {
    std::uint64_t hash;
    std::size_t index;
  };
  std::vector<Ranked> ranked;
  ranked.reserve(count);
  for (std::size_t at = 0; at < count; ++at) {
    const std::string_view address = address_at(at);
    ranked.push_back({XXH64(address.data(), address.size(), seed), at});
  }
  if (count > size) {
    std::ranges::nth_element(ranked, ranked.begin() + static_cast<std::ptrdiff_t>(size), {}, &Ranked::hash);
    ranked.resize(size);
  }
  std::vector<std::size_t> subset;
  subset.reserve(ranked.size());
  for (const Ranked& each : ranked) subset.push_back(each.index);
  std::ranges::sort(subset);
  return subset;
}

}  // namespace ringrpc
