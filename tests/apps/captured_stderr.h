/// Captures stderr, including the log, during its lifetime. Quotas of repeated records begin anew.
///
///   CapturedStderr captured;
///   log::info("hello");
///   CHECK(captured.text().find("hello") != std::string::npos);
#pragma once

#include <fcntl.h>
#include <fstream>
#include <sstream>
#include <string>
#include <unistd.h>

#include "ringrpc/log.h"

#include "base/log_quota.h"
#include "scratch_file.h"

namespace ringrpc::apps {

class CapturedStderr {
 public:
  CapturedStderr() : saved_(::dup(STDERR_FILENO)) {
    LogQuota::renew_all();
    log::flush();
    const int fd = ::open(file_.path().c_str(), O_WRONLY | O_APPEND);
    ::dup2(fd, STDERR_FILENO);
    ::close(fd);
  }
  CapturedStderr(const CapturedStderr&) = delete;
  CapturedStderr& operator=(const CapturedStderr&) = delete;
  ~CapturedStderr() {
    log::flush();
    ::dup2(saved_, STDERR_FILENO);
    ::close(saved_);
  }

  /// The text so far.
  std::string text() const {
    log::flush();
    std::ostringstream all;
    all << std::ifstream(file_.path()).rdbuf();
    return all.str();
  }

 private:
  ScratchFile file_{""};
  int saved_;
};

}  // namespace ringrpc::apps
