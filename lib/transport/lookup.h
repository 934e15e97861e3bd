/// Asking the system's resolver for a host, which may take many seconds, without holding up a shard.
///
///   lookup_ = std::make_unique<Lookup>(shard, *address, *this);    // on_resolved follows, on the shard
///   lookup_.reset();                                               // or never, when it is given up
///
/// Each look-up has a thread of its own, which is left behind when the look-up is given up before the
/// resolver has answered: nothing can interrupt getaddrinfo, so neither the shard nor its end may wait for
/// it. (That is why it is no job of a WorkerPool, which waits for its jobs.)
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
    /// What `resolve` gave. Called once, from the shard's mail; may destroy the look-up.
    virtual void on_resolved(Result<std::vector<SocketAddress>> addresses) = 0;

   protected:
    ~Handler() = default;
  };

  /// On the thread of `home`, where the answer goes and where this must be destroyed.
  Lookup(Shard& home, const Address& address, Handler& handler);
  Lookup(const Lookup&) = delete;
  Lookup& operator=(const Lookup&) = delete;
  /// Gives the look-up up: the handler is not called any more.
  ~Lookup();

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

}  // namespace ringrpc
