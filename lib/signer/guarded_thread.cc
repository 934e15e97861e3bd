#include "signer/guarded_thread.h"

#include <cerrno>
#include <pthread.h>
#include <utility>

#include "base/thread_failure.h"
#include "signer/guarded_bytes.h"
#include "signer/key_heap.h"

namespace ringrpc {

namespace {

constexpr std::size_t stack_bytes = 256 * 1024;

/// The attributes of a thread with a guarded stack. Destroy them after the pthread_create that uses them.
class Attributes {
 public:
  explicit Attributes(GuardedBytes& stack) noexcept {
    ::pthread_attr_init(&attributes_);
    error_ = ::pthread_attr_setstack(&attributes_, stack.writable().data(), stack.size());
  }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  ~Attributes() { ::pthread_attr_destroy(&attributes_); }

  int error() const noexcept { return error_; }
  const pthread_attr_t* get() const noexcept { return &attributes_; }

 private:
  pthread_attr_t attributes_;
  int error_;
};

}  // namespace

struct GuardedThread::State {
  GuardedBytes stack;
  std::function<void()> work;
  pthread_t thread{};
};

GuardedThread::GuardedThread(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
GuardedThread::GuardedThread(GuardedThread&&) noexcept = default;
GuardedThread::~GuardedThread() { join(); }

Result<GuardedThread> GuardedThread::start(std::function<void()> work) {
  Result<GuardedBytes> stack = GuardedBytes::make(stack_bytes);
  if (!stack) return std::unexpected(std::move(stack).error());
  auto state = std::make_unique<State>();
  state->stack = std::move(*stack);
  state->work = std::move(work);

  const Attributes attributes(state->stack);
  const auto run = [](void* argument) -> void* {
    const KeyHeap::Scope scope;
    static_cast<State*>(argument)->work();
    return nullptr;
  };
  const int error = attributes.error() != 0
                        ? attributes.error()
                        : ::pthread_create(&state->thread, attributes.get(), run, state.get());
  if (error != 0) {
    return std::unexpected(thread_failure("cannot start a thread for keys", error));
  }
  return GuardedThread(std::move(state));
}

void GuardedThread::join() {
  if (!state_) return;
  ::pthread_join(state_->thread, nullptr);
  state_ = nullptr;
}

}  // namespace ringrpc
