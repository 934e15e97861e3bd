/// A thread for work that has private keys in its hands: its stack is guarded memory too, and what OpenSSL
/// allocates on it comes from the key heap.
///
///   Result<GuardedThread> thread = GuardedThread::start([&] { key = load(path); });
///   thread->join();         // what was on the stack is wiped
///
/// `KeyHeap::prepare` must have been called.
#pragma once

#include <functional>
#include <memory>

#include "ringrpc/status.h"

namespace ringrpc {

class GuardedThread {
 public:
  /// RESOURCE_EXHAUSTED when the system has no more threads or memory. `work` must not throw.
  static Result<GuardedThread> start(std::function<void()> work);
  GuardedThread(GuardedThread&&) noexcept;
  /// Joins.
  ~GuardedThread();

  /// Returns when the work is done; only once.
  void join();

 private:
  struct State;
  explicit GuardedThread(std::unique_ptr<State> state) noexcept;
  std::unique_ptr<State> state_;
};

}  // namespace ringrpc
