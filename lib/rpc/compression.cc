#include "ringrpc/compression.h"

#include <algorithm>
#include <array>

namespace ringrpc {
namespace {

/// By the number of each.
constexpr std::array<std::string_view, 4> names{"identity", "gzip", "deflate", "zstd"};

}  // namespace

std::string_view name(Compression compression) noexcept {
  return names[static_cast<std::size_t>(compression)];
}

std::optional<Compression> parse_compression(std::string_view name) noexcept {
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Compression>(found - names.begin());
}

}  // namespace ringrpc
