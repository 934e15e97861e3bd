/// The memory that this process may use. In a container it is less than the machine's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>

namespace ringrpc {

/// The limit of the control groups (version 2 or 1), in bytes: the least one of the hierarchy. Nothing when
/// they set none. Reads `root`/proc/self/cgroup and files below `root`/sys/fs/cgroup.
std::optional<std::uint64_t> group_memory_limit(const std::filesystem::path& root = "/");

/// That limit, or the memory of the machine if that is less. In bytes.
std::uint64_t usable_memory_bytes();

/// Half of it, at most `most`: for what clients may have a server hold. The rest is for the program itself,
/// for the system's memory of sockets, and for what allocators keep.
std::size_t half_of_memory(std::size_t most);

}  // namespace ringrpc
