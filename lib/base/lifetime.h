/// Tells a member function whether a callback has destroyed the object that it runs in.
///
///   void Call::wake() {
///     const Lifetime::Watch watch(lifetime_);
///     waiter.on_ready();             // may destroy this call
///     if (watch.ended()) return;     // no member may be touched any more
///     ...
///   }
///
/// A `Lifetime` is a member of the object and costs a pointer. A `Watch` is a local variable of a function, not
/// of a coroutine: watches of one lifetime nest, and end in the reverse order of their beginning. All of them
/// see the end. Both belong to one thread.
#pragma once

#include <cassert>
#include <new>

namespace ringrpc {

class Lifetime {
 public:
  class Watch {
   public:
    explicit Watch(Lifetime& lifetime) noexcept : lifetime_(&lifetime), outer_(lifetime.innermost_) {
      // g++'s -Wdangling-pointer does not see that the destructor, or the lifetime's, takes the address back.
      lifetime.innermost_ = std::launder(this);
    }
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    ~Watch() {
      if (!lifetime_) return;
      assert(lifetime_->innermost_ == this);
      lifetime_->innermost_ = outer_;
    }

    /// Whether the object has been destroyed since the watch began.
    bool ended() const noexcept { return lifetime_ == nullptr; }

   private:
    friend Lifetime;
    Lifetime* lifetime_;  // null once that has ended
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
