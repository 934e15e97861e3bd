/// Tells a member function whether a callback has destroyed the object that it runs in.
///
///   void Call::wake() {
///     const Lifetime::Watch watch(lifetime_);
///     waiter.on_ready();             // may destroy this call
///     if (watch.ended()) return;     // no member may be touched any more
///     ...
///   }
///
/// A `Lifetime` is a member of the object and costs a pointer. A `Watch` is a local variable of a function,
/// not of a coroutine. Watches of one lifetime nest, so they end in reverse order; all of them see the end
/// of the object. Both belong to one thread.
#pragma once

#include <cassert>
#include <new>

namespace ringrpc {

class Lifetime {
 public:
  class Watch {
   public:
    explicit Watch(Lifetime& lifetime) noexcept : lifetime_(&lifetime), outer_(lifetime.innermost_) {
      // std::launder: g++'s -Wdangling-pointer does not see that a destructor removes the address again.
      lifetime.innermost_ = std::launder(this);
    }
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    ~Watch() {
      if (!lifetime_) return;
      assert(lifetime_->innermost_ == this);
      lifetime_->innermost_ = outer_;
    }

    /// True if the object was destroyed after the watch began.
    bool ended() const noexcept { return lifetime_ == nullptr; }

   private:
    friend Lifetime;
    Lifetime* lifetime_;  // null once it has ended
    Watch* outer_;
  };

  Lifetime() noexcept = default;
  Lifetime(const Lifetime&) = delete;
  Lifetime& operator=(const Lifetime&) = delete;
  ~Lifetime() {
    for (Watch* watch = innermost_; watch; watch = watch->outer_) watch->lifetime_ = nullptr;
  }

 private:
  Watch* innermost_ = nullptr;
};

}  // namespace ringrpc
