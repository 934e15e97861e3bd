#include "common/output.h"

#include <cerrno>
#include <cstdio>

namespace ringrpc::apps {

Status print(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) return {};
  return from_errno("stdout", errno);
}

}  // namespace ringrpc::apps
