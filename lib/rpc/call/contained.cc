#include "rpc/call/contained.h"

#include <new>
#include <string>

#include "ringrpc/log.h"

#include "base/caught.h"

namespace ringrpc {

Task<Status> throwing(std::exception_ptr thrown) {
  std::rethrow_exception(std::move(thrown));
  co_return Status();
}

Status thrown_status(std::string_view path, std::string_view who) noexcept {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    return caught();
  } catch (const std::exception& thrown) {
    log::error("{}: {} threw: {}", path, who, thrown.what());
  } catch (...) {
    log::error("{}: {} threw something that is not a std::exception", path, who);
  }
  try {
    return Status(Code::INTERNAL, std::string(who) + " failed with an exception", Initiator::application);
  } catch (...) {
    return caught();
  }
}

Status outcome(const Task<Status>& task, std::string_view path, std::string_view who) {
  try {
    return task.result();
  } catch (...) {
    return thrown_status(path, who);
  }
}

Task<Status> settled(Task<Status> task, std::string_view path, std::string_view who) {
  try {
    co_return co_await std::move(task);
  } catch (...) {
    co_return thrown_status(path, who);
  }
}

}  // namespace ringrpc
