/// A root directory with the control groups of a test.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include "io_fixture.h"

namespace ringrpc::test {

class FakeRoot {
 public:
  void write(const std::string& path, const std::string& content) const {
    const std::filesystem::path file = root() / path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << content;
  }
  std::filesystem::path root() const { return directory_.file(""); }

 private:
  TemporaryDirectory directory_;
};

}  // namespace ringrpc::test
