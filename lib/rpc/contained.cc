#include "rpc/contained.h"

#include <string>

#include "ringrpc/log.h"

namespace ringrpc {
namespace {

Status failed(std::string_view who) {
  return Status(Code::INTERNAL, std::string(who) + " failed with an exception", Initiator::application);
}

}  // namespace

Task<Status> throwing(std::exception_ptr thrown) {
  std::rethrow_exception(std::move(thrown));
  co_return Status();
}

Status outcome(const Task<Status>& task, std::string_view path, std::string_view who) {
  try {
    return task.result();
  } catch (const std::exception& thrown) {
    log::error("{}: {} threw: {}", path, who, thrown.what());
    return failed(who);
  } catch (...) {
    log::error("{}: {} threw something that is not a std::exception", path, who);
    return failed(who);
  }
}

}  // namespace ringrpc
