#include "ringrpc/compression.h"

#include <algorithm>
#include <array>

namespace ringrpc {
namespace {

/// Indexed by the enumerator.
constexpr std::array<std::string_view, 4> encoding_names{"identity", "gzip", "deflate", "zstd"};

}  // namespace

std::string_view name(Compression compression) noexcept {
  return encoding_names[static_cast<std::size_t>(compression)];
}

std::optional<Compression> parse_compression(std::string_view name) noexcept {
  const auto found = std::ranges::find(encoding_names, name);
  if (found == encoding_names.end()) return std::nullopt;
  return static_cast<Compression>(found - encoding_names.begin());
}

}  // namespace ringrpc
