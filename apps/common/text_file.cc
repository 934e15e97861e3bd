#include "common/text_file.h"

#include <cerrno>
#include <sys/stat.h>
#include <unistd.h>

#include "base/open_file.h"

namespace ringrpc::apps {
namespace {

bool is_pipe(int file) {
  struct stat found{};
  return ::fstat(file, &found) == 0 && S_ISFIFO(found.st_mode);
}

}  // namespace

std::expected<std::string, int> read_text(const std::string& path) {
  const UniqueFd file = open_to_read(path);
  if (!file) return std::unexpected(errno);
  std::string text(text_bytes_max + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::read(file.get(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected(errno);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > text_bytes_max) return std::unexpected(EFBIG);
  if (size == 0 && is_pipe(file.get())) return std::unexpected(ENODATA);
  text.resize(size);
  return text;
}

}  // namespace ringrpc::apps
