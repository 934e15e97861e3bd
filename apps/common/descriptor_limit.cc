#include "common/descriptor_limit.h"

#include <sys/resource.h>

namespace ringrpc::apps {

std::uint64_t raise_descriptor_limit(std::uint64_t needed) noexcept {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < needed) {
    const rlimit raised{limit.rlim_max, limit.rlim_max};
    if (setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  }
  return limit.rlim_cur;
}

std::string descriptor_shortage(std::uint64_t limit, std::uint64_t needed) {
  const std::string wanted = std::to_string(needed);
  return "at most " + std::to_string(limit) + " file descriptors may be open where " + wanted +
         " are needed; raise the limit (ulimit -n " + wanted + ", or LimitNOFILE=" + wanted +
         " under systemd)";
}

}  // namespace ringrpc::apps
