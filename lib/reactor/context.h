/// The context of a handler, which passes by itself to the tasks that it starts and
/// to the calls that it makes.
///
///   class CallContext final : public detail::Context { ... };       // of the layer above
///   const ContextScope scope(shard, source);                        // around the start of a handler
///   if (detail::Context* context = shard.context()) ...             // in code that the handler calls
///
/// A shard has one present context. `Suspended` (ringrpc/suspended.h) keeps the context of a
/// coroutine that waits, and makes it present again while the coroutine runs. A source makes its
/// context only when something keeps it, so a handler that neither waits nor makes calls has no
/// cost. All of it belongs to the shard's thread.
#pragma once

#include <cstdint>
#include <new>
#include <utility>

#include "base/frame_allocator.h"
#include "reactor/shard.h"

namespace ringrpc {

namespace detail {

/// Counted references without atomics.
class Context : public Pooled {
 public:
  Context() noexcept = default;
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  void keep() noexcept { ++references_; }
  void release() noexcept {
    if (--references_ == 0) delete this;
  }
  /// For a task that outlives its call (ringrpc/shield.h): the same without what binds it to the call, with
  /// one reference. Null if nothing remains.
  virtual Context* detached() const { return nullptr; }
  /// A coroutine that was resumed in this context has run since `begun` (base/ticks.h), for more than
  /// `ticks_unnoticed`.
  virtual void on_held(std::uint64_t /*begun*/) noexcept {}
  /// Fewer than half a second has on any processor: 0.4 s at 24 MHz.
  static constexpr std::uint64_t ticks_unnoticed = 10'000'000;

 protected:
  virtual ~Context() = default;

 private:
  unsigned references_ = 1;
};

}  // namespace detail

/// Has the context of a call, or makes it.
class ContextSource {
 public:
  explicit ContextSource(detail::Context* made = nullptr) noexcept : made_(made) {}
  ContextSource(const ContextSource&) = delete;
  ContextSource& operator=(const ContextSource&) = delete;

  /// Null if there is none.
  detail::Context* get() noexcept {
    if (!made_) [[unlikely]]
      made_ = make();
    return made_;
  }

 protected:
  ~ContextSource() { drop_context(); }
  void drop_context() noexcept {
    if (made_) std::exchange(made_, nullptr)->release();
  }
  /// A context with one reference, which this object takes over. Null if there is none, or no memory.
  virtual detail::Context* make() noexcept { return nullptr; }

  detail::Context* made_;
};

/// A source with the context that something has kept.
class KeptContext final : public ContextSource {
 public:
  /// Takes over one reference. `context` may be null.
  explicit KeptContext(detail::Context* context) noexcept : ContextSource(context) {}
};

/// Makes a source the present one of a shard during its lifetime.
class ContextScope {
 public:
  ContextScope(Shard& shard, ContextSource* source) noexcept
      : shard_(shard), previous_(std::exchange(shard.context_source(), source)) {}
  ContextScope(const ContextScope&) = delete;
  ContextScope& operator=(const ContextScope&) = delete;
  ~ContextScope() { shard_.context_source() = previous_; }

 private:
  Shard& shard_;
  ContextSource* previous_;
};

}  // namespace ringrpc
