/// Replaces the process's stderr by a file of limited size, as on a full disk.
///
///   SmallStderr file;
///   file.take(file.size() + 10);    // ten bytes more, then EFBIG
///   log::info("hello");
///   file.take(RLIM_INFINITY);
#pragma once

#include <csignal>
#include <cstddef>
#include <doctest/doctest.h>
#include <regex>
#include <string>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "ringrpc/log.h"

namespace ringrpc {

class SmallStderr {
 public:
  SmallStderr() {
    log::flush();
    ::dup2(file_, STDERR_FILENO);
  }
  SmallStderr(const SmallStderr&) = delete;
  SmallStderr& operator=(const SmallStderr&) = delete;
  ~SmallStderr() {
    take(RLIM_INFINITY);
    log::flush();
    ::dup2(stderr_, STDERR_FILENO);
    ::close(stderr_);
    ::close(file_);
    std::signal(SIGXFSZ, action_);
  }

  /// Sets the size to which the file may grow; a write beyond it fails with EFBIG.
  void take(rlim_t bytes) {
    log::flush();
    rlimit limit{};
    ::getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
  }

  /// The size of the log so far.
  std::size_t size() const {
    log::flush();
    return static_cast<std::size_t>(::lseek(file_, 0, SEEK_END));
  }

  /// The log so far, with the word TIME in place of each time.
  std::string text() const {
    std::string text(size(), '\0');
    text.resize(static_cast<std::size_t>(::pread(file_, text.data(), text.size(), 0)));
    const std::regex time(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)");
    return std::regex_replace(text, time, "TIME");
  }

 private:
  int stderr_ = ::dup(STDERR_FILENO);
  int file_ = ::memfd_create("stderr", 0);
  void (*action_)(int) = std::signal(SIGXFSZ, SIG_IGN);
};

}  // namespace ringrpc
