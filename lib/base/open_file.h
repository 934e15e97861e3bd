/// Opens a file that a user has named, which may be anything: opening never waits, reading may.
///
///   const UniqueFd file = open_to_read(path);      // or open_to_write
///   if (!file) return std::unexpected(from_errno("open " + path, errno));
#pragma once

#include <string>

#include "base/unique_fd.h"

namespace ringrpc {

/// The file at `path` from its beginning, or none, with the cause in errno. A pipe is read as its writers
/// write, such as that of a shell's `<(command)`; one that nobody has open for writing is at its end at once.
UniqueFd open_to_read(const std::string& path) noexcept;

/// The file at `path`, made where there is none, and left as long as it is; or none, with the cause in errno:
/// ENXIO for a pipe that nobody has open for reading.
UniqueFd open_to_write(const std::string& path) noexcept;

}  // namespace ringrpc
