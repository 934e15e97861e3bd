#include "base/open_file.h"

#include <fcntl.h>

namespace ringrpc {

UniqueFd open_to_read(const std::string& path) noexcept {
  // Otherwise opening a pipe would wait for somebody to write to it.
  UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) return file;
  const int flags = ::fcntl(file.get(), F_GETFL);
  if (flags < 0 || ::fcntl(file.get(), F_SETFL, flags & ~O_NONBLOCK) < 0) return UniqueFd();
  return file;
}

}  // namespace ringrpc
