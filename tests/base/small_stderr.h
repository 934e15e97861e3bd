/// The process's stderr is a file with as little room as a test wants, as on a full disk.
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

  /// From now on the file grows to so many bytes; a write beyond them fails with EFBIG.
  void take(rlim_t bytes) {
    log::flush();
    rlimit limit{};
    ::getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
  }

  /// Of all that was logged so far.
  std::size_t size() const {
    log::flush();
    return static_cast<std::size_t>(::lseek(file_, 0, SEEK_END));
  }

  /// All that was logged so far, with the word TIME for times.
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
