#include "base/open_file.h"

#include <fcntl.h>

namespace ringrpc {

namespace {

constexpr mode_t permissions = 0666;  // reduced by the umask

/// Opens without waiting for the other end of a pipe.
UniqueFd open_at_once(const std::string& path, int flags) noexcept {
  UniqueFd file(::open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK, permissions));
  if (!file) return file;
  const int status = ::fcntl(file.get(), F_GETFL);
  if (status < 0 || ::fcntl(file.get(), F_SETFL, status & ~O_NONBLOCK) < 0) return UniqueFd();
  return file;
}

}  // namespace

UniqueFd open_to_read(const std::string& path) noexcept { return open_at_once(path, O_RDONLY); }

UniqueFd open_to_write(const std::string& path) noexcept { return open_at_once(path, O_WRONLY | O_CREAT); }

}  // namespace ringrpc
