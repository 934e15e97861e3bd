#include "base/caught.h"

#include <chrono>
#include <exception>
#include <new>
#include <stdexcept>

#include "ringrpc/log.h"

#include "base/log_quota.h"

namespace ringrpc {
namespace {

void report_shortage() noexcept {
  thread_local LogQuota quota;
  try {
    if (const auto left_out = quota.take(std::chrono::steady_clock::now()))
      log::warn(
          "out of memory: a call or a connection was ended for it; raise the process's limit, or lower {}{}",
          "--max-total-buffered-size and --max-connections", left_out->words());
  } catch (const std::bad_alloc&) {
    // The warning is lost; the next shortage is logged.
  }
}

Status report_failure(std::string_view what) noexcept {
  log::error("a call or a connection was ended by an exception: {}", what);
  return Status(Code::INTERNAL, "the library failed with an exception", Initiator::library);
}

}  // namespace

Status caught() noexcept {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    report_shortage();
    return out_of_memory();
  } catch (const std::length_error&) {  // a size beyond a container's maximum
    report_shortage();
    return out_of_memory();
  } catch (const std::exception& thrown) {
    return report_failure(thrown.what());
  } catch (...) {
    return report_failure("not a std::exception");
  }
}

}  // namespace ringrpc
