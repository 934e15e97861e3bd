/// Room for file descriptors: each connection takes one, and the usual limit of 1024 is soon reached.
///
///   const std::uint64_t limit = raise_descriptor_limit(20'064);
///   if (limit < 20'064) log::warn("{}", descriptor_shortage(limit, 20'064));
#pragma once

#include <cstdint>
#include <string>

namespace ringrpc::apps {

/// How many descriptors this process may have open; when that is less than `needed`, after raising the soft
/// limit (RLIMIT_NOFILE) to the hard one.
std::uint64_t raise_descriptor_limit(std::uint64_t needed) noexcept;

/// "at most 1024 file descriptors may be open where 20064 are needed; raise the limit …"
std::string descriptor_shortage(std::uint64_t limit, std::uint64_t needed);

}  // namespace ringrpc::apps
