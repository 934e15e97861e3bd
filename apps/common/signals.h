/// Signals as events that one thread waits for, instead of handlers that interrupt all of them.
///
///   Signals signals({SIGTERM, SIGHUP});   // before the first thread starts: threads inherit what is blocked
///   while (signals.wait() != SIGTERM) reload();
///
/// A signal that arrives while nobody waits is kept; two of the same number may count as one. SIGPIPE is
/// ignored: a peer that is gone is an error of the write.
#pragma once

#include <chrono>
#include <csignal>
#include <initializer_list>
#include <optional>

namespace ringrpc::apps {

class Signals {
 public:
  /// What `wait` gives after `notify`.
  static constexpr int notified = 0;

  /// Blocks these signals in this thread and in those that it starts from now on.
  explicit Signals(std::initializer_list<int> numbers) noexcept;

  /// The next of the signals, or `notified`. One thread at a time.
  int wait() const noexcept;
  /// The same, or nothing when none came within `patience`.
  std::optional<int> wait_for(std::chrono::milliseconds patience) const noexcept;

  /// Makes `wait` return `notified`, now or when it is called next. From any thread.
  void notify() const noexcept;

  /// Forgets what has come, and lets them do in this thread what they do by themselves: the last part of a
  /// program may wait for others and is not worth more.
  void release() const noexcept;

 private:
  std::optional<int> wait(const timespec* patience) const noexcept;

  sigset_t set_;
};

}  // namespace ringrpc::apps
