/// Captures stdout during its lifetime.
///
///   CapturedStdout captured;
///   std::puts("hello");
///   CHECK(captured.text() == "hello\n");
#pragma once

#include <cstdio>
#include <doctest/doctest.h>
#include <fstream>
#include <iterator>
#include <string>
#include <unistd.h>

#include "scratch_file.h"

namespace ringrpc::apps {

class CapturedStdout {
 public:
  CapturedStdout() {
    std::fflush(stdout);
    REQUIRE(std::freopen(file_.path().c_str(), "w", stdout));
  }
  CapturedStdout(const CapturedStdout&) = delete;
  CapturedStdout& operator=(const CapturedStdout&) = delete;
  ~CapturedStdout() {
    std::fflush(stdout);
    ::dup2(saved_, STDOUT_FILENO);
    ::close(saved_);
  }

  /// The text so far.
  std::string text() const {
    std::fflush(stdout);
    std::ifstream file(file_.path());
    return {std::istreambuf_iterator<char>(file), {}};
  }

 private:
  ScratchFile file_{""};
  int saved_ = ::dup(STDOUT_FILENO);
};

}  // namespace ringrpc::apps
