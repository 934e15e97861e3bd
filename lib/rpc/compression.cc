#include "ringrpc/compression.h"

#include <array>
#include <utility>

namespace ringrpc {
namespace {

constexpr std::array names{
    std::pair{Compression::identity, std::string_view("identity")},
    std::pair{Compression::gzip, std::string_view("gzip")},
    std::pair{Compression::deflate, std::string_view("deflate")},
    std::pair{Compression::zstd, std::string_view("zstd")},
};

}  // namespace

std::string_view name(Compression compression) noexcept {
  return names[static_cast<std::size_t>(compression)].second;
}

std::optional<Compression> parse_compression(std::string_view name) noexcept {
  for (const auto& [compression, its_name] : names)
    if (its_name == name) return compression;
  return std::nullopt;
}

}  // namespace ringrpc
