#include "transport/lookup.h"

#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "base/caught.h"

namespace ringrpc {

/// The state that the thread and the look-up share.
struct Lookup::Shared : std::enable_shared_from_this<Shared> {
  Shared(Shard& waiter_home, Handler& waiter) : home(&waiter_home), handler(&waiter) {}

  void seal_letter() {
    letter = Shard::SealedMail([self = shared_from_this()] {
      if (self->handler) std::exchange(self->handler, nullptr)->on_resolved(std::move(self->result));
    });
  }

  void look_up(const Address& address) noexcept {
    try {
      deliver(resolve(address));
    } catch (...) {
      deliver(std::unexpected(caught()));
    }
  }

  /// Posts the result to the shard, unless the look-up was cancelled.
  void deliver(Result<std::vector<SocketAddress>> addresses) noexcept {
    const std::lock_guard lock(mutex);
    if (!home) return;
    result = std::move(addresses);
    home->post(std::move(letter));
  }

  std::mutex mutex;
  Shard* home;       // null once cancelled; guarded by the mutex
  Handler* handler;  // likewise, but used by the home shard only
  Result<std::vector<SocketAddress>> result;
  Shard::SealedMail
      letter;  // carries the result home; allocated before the look-up starts; guarded like `home`
};

Lookup::Lookup(Shard& home, const Address& address, Handler& handler)
    : shared_(std::make_shared<Shared>(home, handler)) {
  try {
    shared_->seal_letter();
    std::thread([shared = shared_, address] { shared->look_up(address); }).detach();
  } catch (const std::system_error& error) {
    shared_->deliver(fail(Code::RESOURCE_EXHAUSTED,
                          "resolve " + address.name() + ": cannot start a thread: " + error.code().message(),
                          Initiator::library));
  } catch (...) {
    shared_->letter = {};  // the mail refers to the object that would hold it
    throw;
  }
}

Lookup::~Lookup() {
  shared_->handler = nullptr;
  const std::lock_guard lock(shared_->mutex);
  shared_->home = nullptr;
  const Shard::SealedMail unsent = std::move(shared_->letter);  // it holds a reference to Shared
}

}  // namespace ringrpc
