/// Opens a file that a user named, which may be of any type. Opening never waits; reading may.
///
///   const UniqueFd file = open_to_read(path);      // or open_to_write
///   if (!file) return std::unexpected(from_errno("open " + path, errno));
#pragma once

#include <string>

#include "base/unique_fd.h"

namespace ringrpc {

/// The file at `path` from its beginning, or none, with the cause in errno. Reading a pipe, such as that of
/// a shell's `<(command)`, waits for its writers; a pipe without writers is at its end at once.
UniqueFd open_to_read(const std::string& path) noexcept;

/// The file at `path`, created if it does not exist and not truncated; or none, with the cause in errno.
/// The cause is ENXIO for a pipe that has no reader.
UniqueFd open_to_write(const std::string& path) noexcept;

}  // namespace ringrpc
