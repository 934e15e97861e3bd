/// Finds limits of the control groups (cgroups(7), version 2 or 1) that this process is in.
///
///   least_of_groups<double>("/", "cpu", quota_v2, quota_v1);
///
/// A limit of a group holds for all groups in it, so the least one applies.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>

namespace ringrpc {
namespace detail {

/// The least limit of the group `inside` a hierarchy mounted at `mount` and of all groups above it. In a
/// container the group's own directory may be invisible. The walk upward then ends at the mount, which is the
/// container's.
template <class Limit, class Read>
std::optional<Limit> least_above(const std::filesystem::path& mount, std::string_view inside, Read read) {
  std::optional<Limit> least;
  for (std::filesystem::path group = std::filesystem::path(inside).relative_path();;
       group = group.parent_path()) {
    if (const std::optional<Limit> limit = read(mount / group))
      least = std::min(least.value_or(*limit), *limit);
    if (group.empty()) return least;
  }
}

/// True if `controller` is in a comma-separated list.
inline bool names_controller(std::string_view list, std::string_view controller) noexcept {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    if (list.substr(0, comma) == controller) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

}  // namespace detail

/// The least limit, or nothing if no group sets one. `version_2` and `version_1` read the limit of the group
/// with that directory. Reads `root`/proc/self/cgroup and directories below `root`/sys/fs/cgroup.
template <class Limit, class Version2, class Version1>
std::optional<Limit> least_of_groups(const std::filesystem::path& root, std::string_view controller,
                                     Version2 version_2, Version1 version_1) {
  const std::filesystem::path mounts = root / "sys/fs/cgroup";
  std::ifstream groups(root / "proc/self/cgroup");
  // "0::/a/b" for version 2, "4:cpu,cpuacct:/a/b" for version 1.
  for (std::string line; std::getline(groups, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string inside = line.substr(second + 1);
    std::optional<Limit> limit;
    if (controllers.empty()) {
      limit = detail::least_above<Limit>(mounts, inside, version_2);
    } else if (detail::names_controller(controllers, controller)) {
      const bool joint = std::filesystem::exists(mounts / controllers);
      limit = detail::least_above<Limit>(mounts / (joint ? controllers : std::string(controller)), inside,
                                         version_1);
    }
    if (limit) return limit;
  }
  return std::nullopt;
}

}  // namespace ringrpc
