#include "common/exit_code.h"

#include <algorithm>
#include <cstdio>
#include <string>

#include "ringrpc/log.h"

namespace ringrpc::apps {

Status at_run_time(Status status) {
  if (status.code() != Code::INVALID_ARGUMENT) return status;
  return Status(Code::FAILED_PRECONDITION, std::string(status.message()), status.initiator());
}

Status at_run_time(std::string_view origin, const Status& status) {
  return at_run_time(
      Status(status.code(), std::string(origin).append(": ").append(status.message()), status.initiator()));
}

ExitCode refuse(std::string_view program, const Status& status) {
  const ExitCode code = status.code() == Code::INVALID_ARGUMENT ? exit_usage : exit_failure;
  if (log::format() == log::Format::json) {
    log::error("{}: {}", program, status.message());
    log::flush();
    return code;
  }
  std::string line(program);
  line.append(": ").append(status.message());
  std::ranges::replace_if(line, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  line.push_back('\n');
  std::fwrite(line.data(), 1, line.size(), stderr);
  return code;
}

}  // namespace ringrpc::apps
