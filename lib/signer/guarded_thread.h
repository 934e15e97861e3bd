/// A thread for work on private keys. Its stack is guarded memory, and OpenSSL's allocations on it come
/// from the key heap.
///
///   Result<GuardedThread> thread = GuardedThread::start([&] { key = load(path); });
///   thread->join();         // wipes the stack
///
/// Call `KeyHeap::prepare` first.
#pragma once

#include <functional>
#include <memory>

#include "ringrpc/status.h"

namespace ringrpc {

class GuardedThread {
 public:
  /// RESOURCE_EXHAUSTED if the system has no more threads or memory. `work` must not throw.
  static Result<GuardedThread> start(std::function<void()> work);
  GuardedThread(GuardedThread&&) noexcept;
  /// Joins.
  ~GuardedThread();

  /// Returns when the work is done, at once if it has been joined before.
  void join();

 private:
  struct State;
  explicit GuardedThread(std::unique_ptr<State> state) noexcept;
  std::unique_ptr<State> state_;
};

}  // namespace ringrpc
