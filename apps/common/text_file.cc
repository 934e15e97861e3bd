#include "common/text_file.h"

#include <cerrno>
#include <fstream>

namespace ringrpc::apps {

std::expected<std::string, int> read_text(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::string text(text_bytes_max + 1, '\0');
  if (!file || (!file.read(text.data(), static_cast<std::streamsize>(text.size())) && file.bad()))
    return std::unexpected(errno != 0 ? errno : EIO);
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > text_bytes_max) return std::unexpected(EFBIG);
  return text;
}

}  // namespace ringrpc::apps
