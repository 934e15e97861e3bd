#include "common/output.h"

#include <cerrno>
#include <cstdio>

namespace ringrpc::apps {

Status print(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) return {};
  return from_errno("stdout", errno);
}

Status print_page(std::string_view text) {
  errno = 0;
  Status status = print(text);
  return errno == EPIPE ? Status() : status;
}

}  // namespace ringrpc::apps
