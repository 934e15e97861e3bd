#include "transport/lookup.h"

#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace ringrpc {

/// What the thread and the look-up both know.
struct Lookup::Shared : std::enable_shared_from_this<Shared> {
  Shared(Shard& answers_to, Handler& told) : home(&answers_to), handler(&told) {}

  /// Sends the answer home, if anybody still wants it there.
  void deliver(Result<std::vector<SocketAddress>> addresses) {
    const std::lock_guard lock(mutex);
    if (!home) return;
    home->post([self = shared_from_this(), addresses = std::move(addresses)]() mutable {
      if (self->handler) std::exchange(self->handler, nullptr)->on_resolved(std::move(addresses));
    });
  }

  std::mutex mutex;
  Shard* home;       // null once given up; guarded by the mutex
  Handler* handler;  // likewise, but known to the home shard only
};

Lookup::Lookup(Shard& home, const Address& address, Handler& handler)
    : shared_(std::make_shared<Shared>(home, handler)) {
  try {
    std::thread([shared = shared_, address] { shared->deliver(resolve(address)); }).detach();
  } catch (const std::system_error& error) {
    shared_->deliver(fail(Code::RESOURCE_EXHAUSTED,
                          "resolve " + address.name() + ": cannot start a thread: " + error.code().message(),
                          Initiator::library));
  }
}

Lookup::~Lookup() {
  shared_->handler = nullptr;
  const std::lock_guard lock(shared_->mutex);
  shared_->home = nullptr;
}

}  // namespace ringrpc
