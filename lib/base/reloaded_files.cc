#include "base/reloaded_files.h"

#include <sys/stat.h>

namespace ringrpc {

std::vector<FileStamp> stamps_of(const std::vector<std::string>& paths) {
  std::vector<FileStamp> stamps;
  for (const std::string& path : paths) {
    struct stat found{};
    FileStamp& stamp = stamps.emplace_back();
    if (path.empty() || ::stat(path.c_str(), &found) != 0) continue;
    stamp = {static_cast<std::int64_t>(found.st_ino),
             found.st_size,
             found.st_mtim.tv_sec,
             found.st_mtim.tv_nsec,
             found.st_ctim.tv_sec,
             found.st_ctim.tv_nsec};
  }
  return stamps;
}

}  // namespace ringrpc
