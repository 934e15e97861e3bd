/// Asks the system's resolver for a host, which may take many seconds, without blocking a shard.
///
///   lookup_ = std::make_unique<Lookup>(shard, *address, *this);    // on_resolved follows, on the shard
///   lookup_.reset();                                               // or never, if the look-up is cancelled
///
/// Each look-up has a thread of its own. If the look-up is cancelled before the resolver has finished, the
/// thread is detached and runs on: nothing can interrupt getaddrinfo, and the shard must not wait for it. For
/// the same reason it is no job of a WorkerPool, which waits for its jobs.
#pragma once

#include <memory>
#include <vector>

#include "ringrpc/status.h"

#include "reactor/shard.h"
#include "transport/address.h"

namespace ringrpc {

class Lookup {
 public:
  class Handler {
   public:
    /// Gives the result of `resolve`. Called once, from the shard's mail. May destroy the look-up.
    virtual void on_resolved(Result<std::vector<SocketAddress>> addresses) = 0;

   protected:
    ~Handler() = default;
  };

  /// Call it on the thread of `home`, which gets the result. The look-up must be destroyed there too.
  Lookup(Shard& home, const Address& address, Handler& handler);
  Lookup(const Lookup&) = delete;
  Lookup& operator=(const Lookup&) = delete;
  /// Cancels the look-up: the handler is no longer called.
  ~Lookup();

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

}  // namespace ringrpc
