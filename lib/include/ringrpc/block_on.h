/// Running a coroutine to its end from ordinary code: how a program that is only a client begins.
///
///   Task<Result<EchoResponse>> ask(std::string address, EchoRequest request) {
///     Channel channel(std::move(address));
///     co_return co_await EchoService::Stub(channel).Echo(std::move(request));
///   }
///   Result<EchoResponse> response = block_on(ask("127.0.0.1:50051", std::move(request)));
///
/// The task gets a shard of its own, on the calling thread, which is gone when it has ended: whatever belongs
/// to a shard, such as a Channel, is made and destroyed inside the task.
#pragma once

#include <exception>
#include <functional>
#include <string>
#include <utility>

#include "ringrpc/status.h"
#include "ringrpc/task.h"

namespace ringrpc {

namespace detail {

/// Calls `start` on a new shard and runs that until the observer has been told of the end.
Status run_until_done(const std::function<void(TaskObserver&)>& start);

}  // namespace detail

/// Runs `task` on this thread until it has ended, and gives what it gave. Without io_uring it is not begun: the
/// status says what was refused and what would help. INTERNAL when the task throws. Not from a shard; on
/// several threads at once each call has a shard of its own.
template <class T>
Result<T> block_on(Task<Result<T>> task) {
  Status status = detail::run_until_done([&](TaskObserver& observer) { task.start(&observer); });
  if (!status.ok()) return std::unexpected(std::move(status));
  try {
    return task.result();
  } catch (const std::exception& thrown) {
    return fail(Code::INTERNAL, std::string("the task threw: ") + thrown.what());
  } catch (...) {
    return fail(Code::INTERNAL, "the task threw");
  }
}

}  // namespace ringrpc
