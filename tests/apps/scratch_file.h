/// A temporary file with the lifetime of this object.
///
///   ScratchFile file("shards = 2\n");
///   read(file.path());
#pragma once

#include <filesystem>
#include <fstream>
#include <stdlib.h>
#include <string>
#include <unistd.h>

namespace ringrpc::apps {

class ScratchFile {
 public:
  explicit ScratchFile(const std::string& text) {
    const int fd = ::mkstemp(path_.data());
    if (fd >= 0) ::close(fd);
    write(text);
  }
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;
  ~ScratchFile() { ::unlink(path_.c_str()); }

  void write(const std::string& text) const { std::ofstream(path_, std::ios::trunc) << text; }
  /// Replaces the text atomically: a concurrent reader sees the old or the new text.
  void replace(const std::string& text) const {
    const std::string beside = path_ + ".new";
    std::ofstream(beside) << text;
    std::filesystem::rename(beside, path_);
  }
  const std::string& path() const noexcept { return path_; }

 private:
  std::string path_ = "/tmp/ringrpc-test-XXXXXX";
};

}  // namespace ringrpc::apps
