/// Signals as events that one thread waits for, instead of handlers that may interrupt any thread.
///
///   Signals signals({SIGTERM, SIGHUP});   // before the first thread starts: threads inherit the signal mask
///   while (signals.wait() != SIGTERM) reload();
///
/// A signal that arrives while no thread waits stays pending; two of the same number may become one. SIGPIPE
/// is ignored: writing to a closed connection returns EPIPE instead.
#pragma once

#include <chrono>
#include <csignal>
#include <initializer_list>
#include <optional>

namespace ringrpc::apps {

class Signals {
 public:
  /// The result of `wait` after `notify`.
  static constexpr int notified = 0;

  /// Blocks these signals in this thread and in the threads that it starts from now on.
  explicit Signals(std::initializer_list<int> numbers) noexcept;

  /// Waits for the next signal, or for `notify`. One thread at a time.
  int wait() const noexcept;
  /// The same; nullopt when nothing came within `timeout`.
  std::optional<int> wait_for(std::chrono::milliseconds timeout) const noexcept;

  /// Makes `wait` return `notified`, now or at its next call. From any thread.
  void notify() const noexcept;

  /// Drops pending signals and restores their default effect in this thread: from here on, SIGINT ends a
  /// program that waits for the reader of its output.
  void release() const noexcept;

 private:
  std::optional<int> wait(const timespec* timeout) const noexcept;

  sigset_t set_;
};

}  // namespace ringrpc::apps
