#include "base/caught.h"

#include <chrono>
#include <exception>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>

#include "ringrpc/log.h"

#include "base/log_quota.h"

namespace ringrpc {
namespace {

void report_shortage() noexcept {
  thread_local LogQuota quota;
  try {
    if (const auto left_out = quota.take(std::chrono::steady_clock::now()))
      log::warn(
          "out of memory: a call or a connection was ended for it; raise the process's limit, or lower "
          "max_total_buffered_bytes and max_connections of ServerOptions "
          "(grpcd --max-total-buffered-size and --max-connections){}",
          left_out->words());
  } catch (const std::bad_alloc&) {
    // The warning is lost; the next shortage is logged.
  }
}

Status shortage() noexcept {
  report_shortage();
  return out_of_memory();
}

}  // namespace

Status detail::thrown_status(std::string_view who) noexcept {
  try {
    std::string message = std::string(who) + " threw";
    try {
      throw;
    } catch (const std::bad_alloc&) {
      return out_of_memory();
    } catch (const std::exception& thrown) {
      message.append(": ").append(thrown.what());
    } catch (...) {
      // It has no text.
    }
    return Status(Code::INTERNAL, std::move(message));
  } catch (const std::bad_alloc&) {
    return out_of_memory();  // there is no memory for the text
  }
}

Status caught() noexcept {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    return shortage();
  } catch (const std::length_error&) {  // a size beyond a container's maximum
    return shortage();
  } catch (...) {
    log::error("a call or a connection was ended: {}", detail::thrown_status("the library").message());
    return Status(Code::INTERNAL, "the library failed with an exception", Initiator::library);
  }
}

}  // namespace ringrpc
