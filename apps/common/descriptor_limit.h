/// The limit of open file descriptors. Each connection takes one, and the usual
/// limit of 1024 is soon reached.
///
///   const std::uint64_t limit = raise_descriptor_limit(20'064);
///   if (limit < 20'064) log::warn("{}", descriptor_shortage(limit, 20'064));
#pragma once

#include <cstdint>
#include <string>

namespace ringrpc::apps {

/// Raises the soft limit (RLIMIT_NOFILE) to the hard one when it is lower than `needed`. Returns the soft
/// limit that then holds.
std::uint64_t raise_descriptor_limit(std::uint64_t needed) noexcept;

/// "at most 1024 file descriptors may be open where 20064 are needed; raise the limit …"
std::string descriptor_shortage(std::uint64_t limit, std::uint64_t needed);

}  // namespace ringrpc::apps
