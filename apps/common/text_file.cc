#include "common/text_file.h"

#include <algorithm>
#include <cerrno>
#include <sys/stat.h>
#include <unistd.h>

#include "base/open_file.h"

namespace ringrpc::apps {
namespace {

constexpr std::size_t read_bytes = text_bytes_max;

bool is_pipe(int file) {
  struct stat found{};
  return ::fstat(file, &found) == 0 && S_ISFIFO(found.st_mode);
}

}  // namespace

std::expected<std::string, int> read_text(const std::string& path, std::size_t bytes_max) {
  const UniqueFd file = open_to_read(path);
  if (!file) return std::unexpected(errno);
  std::string text;
  std::size_t size = 0;
  while (size <= bytes_max) {
    if (size == text.size()) text.resize(std::min(bytes_max + 1, size + read_bytes));
    const ssize_t got = ::read(file.get(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected(errno);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > bytes_max) return std::unexpected(EFBIG);
  if (size == 0 && is_pipe(file.get())) return std::unexpected(ENODATA);
  text.resize(size);
  return text;
}

}  // namespace ringrpc::apps
