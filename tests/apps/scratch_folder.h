/// A temporary folder; the destructor removes it with its content.
///
///   const ScratchFolder folder;
///   read(folder.file("absent.toml"));
#pragma once

#include <doctest/doctest.h>
#include <filesystem>
#include <stdlib.h>
#include <string>

namespace ringrpc::apps {

class ScratchFolder {
 public:
  ScratchFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "ringrpc-test-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()));
    path_ = name;
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ~ScratchFolder() { std::filesystem::remove_all(path_); }

  std::string file(const char* name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace ringrpc::apps
