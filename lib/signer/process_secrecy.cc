#include "signer/process_secrecy.h"

#include <cerrno>
#include <cstring>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "ringrpc/log.h"

namespace ringrpc {

void keep_process_secret() {
  const rlimit none{0, 0};
  if (::setrlimit(RLIMIT_CORE, &none) < 0)
    log::warn("core dumps cannot be turned off ({}), but they do not include the keys", std::strerror(errno));
  if (::prctl(PR_SET_DUMPABLE, 0) < 0)
    log::warn("other processes of this user can read the memory of this one ({})", std::strerror(errno));
}

}  // namespace ringrpc
