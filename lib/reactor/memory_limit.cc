#include "reactor/memory_limit.h"

#include <algorithm>
#include <fstream>
#include <unistd.h>

#include "reactor/control_groups.h"

namespace ringrpc {
namespace {

/// Version 1 has a limit of almost 2^63 bytes for none.
constexpr std::uint64_t none_v1 = std::uint64_t{1} << 62;

std::optional<std::uint64_t> number_in(const std::filesystem::path& file) {
  std::uint64_t number = 0;
  if (!(std::ifstream(file) >> number) || number == 0) return std::nullopt;  // "max" in version 2
  return number;
}

}  // namespace

std::optional<std::uint64_t> group_memory_limit(const std::filesystem::path& root) {
  const auto version_2 = [](const std::filesystem::path& group) { return number_in(group / "memory.max"); };
  const auto version_1 = [](const std::filesystem::path& group) {
    const std::optional<std::uint64_t> limit = number_in(group / "memory.limit_in_bytes");
    return limit && *limit < none_v1 ? limit : std::nullopt;
  };
  return least_of_groups<std::uint64_t>(root, "memory", version_2, version_1);
}

std::uint64_t usable_memory_bytes() {
  const auto machine = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
                       static_cast<std::uint64_t>(::sysconf(_SC_PAGE_SIZE));
  return std::min(machine, group_memory_limit().value_or(machine));
}

std::size_t half_of_memory(std::size_t most) {
  return std::min<std::size_t>(most, usable_memory_bytes() / 2);
}

}  // namespace ringrpc
