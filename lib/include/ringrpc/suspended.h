/// A coroutine that waits, for awaiters: resumes it in the context in which it was suspended.
///
///   void await_suspend(std::coroutine_handle<> waiting) { waiting_ = waiting; }   // a member of type Suspended
///   ...
///   waiting_.resume();
///
/// The context is that of the call whose handler runs: the calls that the coroutine makes continue the trace
/// and keep the deadline of that call. Belongs to a shard's thread; code outside of shards has no context.
#pragma once

#include "ringrpc/compiler.h"

#include <coroutine>
#include <utility>

#include "ringrpc/export.h"

namespace ringrpc {

namespace detail {

class Context;

/// The context of the code that runs on this thread, kept until it is given to `release` or
/// `resume_in`. Null if there is none.
RINGRPC_EXPORT Context* keep_context() noexcept;
RINGRPC_EXPORT void release(Context& context) noexcept;
/// Resumes the coroutine in that context, which may be null.
RINGRPC_EXPORT void resume_in(Context* context, std::coroutine_handle<> waiting);

}  // namespace detail

/// A coroutine that waits, and the context in which it runs.
class Suspended {
 public:
  Suspended() noexcept = default;
  /// The coroutine suspends now.
  Suspended(
      std::coroutine_handle<> waiting) noexcept  // NOLINT(google-explicit-constructor): as awaiters want it
      : waiting_(waiting), context_(waiting ? detail::keep_context() : nullptr) {}
  /// Takes the wait over.
  Suspended(Suspended&& other) noexcept
      : waiting_(std::exchange(other.waiting_, nullptr)), context_(std::exchange(other.context_, nullptr)) {}
  /// Exchanges the waits.
  Suspended& operator=(Suspended&& other) noexcept {
    std::swap(waiting_, other.waiting_);
    std::swap(context_, other.context_);
    return *this;
  }
  ~Suspended() {
    if (context_) detail::release(*context_);
  }

  /// True while a coroutine waits.
  explicit operator bool() const noexcept { return static_cast<bool>(waiting_); }

  /// Resumes the coroutine, which may destroy this object. Call once.
  void resume() { detail::resume_in(std::exchange(context_, nullptr), std::exchange(waiting_, nullptr)); }

 private:
  std::coroutine_handle<> waiting_;
  detail::Context* context_ = nullptr;
};

}  // namespace ringrpc
