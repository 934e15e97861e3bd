#include "base/log_writer.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <limits>
#include <mutex>
#include <pthread.h>
#include <utility>

#include "base/background_thread.h"
#include "base/bounded_queue.h"

namespace ringrpc {

namespace {

/// After some records the thread lies down for so long, so that who logs much need not wake it each time.
constexpr std::chrono::milliseconds nap{1};

constexpr std::uint64_t everything = std::numeric_limits<std::uint64_t>::max();

spdlog::level::level_enum spdlog_level(log::Level level) noexcept {
  switch (level) {
    case log::Level::trace:
      return spdlog::level::trace;
    case log::Level::debug:
      return spdlog::level::debug;
    case log::Level::info:
      return spdlog::level::info;
    case log::Level::warn:
      return spdlog::level::warn;
    case log::Level::error:
      return spdlog::level::err;
    case log::Level::off:
      break;
  }
  return spdlog::level::off;
}

}  // namespace

/// What the thread works on. Shared, because nothing can end a write that blocks: the thread may have to be
/// left behind in one.
struct LogWriter::State {
  struct Record {
    std::chrono::system_clock::time_point time;
    log::Level level = log::Level::off;
    std::string message;
  };

  State(std::shared_ptr<spdlog::sinks::sink> to, std::size_t capacity)
      : sink(std::move(to)), queue(capacity) {}

  /// The thread writes `asleep` and then looks at the queue, who calls this the other way round: at least
  /// one of them sees the other. Waking costs microseconds, so who finds it awake leaves it alone.
  void rouse() noexcept {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (asleep.load(std::memory_order_relaxed) != 0 && asleep.exchange(0) != 0) asleep.notify_one();
  }
  bool wait_until_written(std::uint64_t goal, std::chrono::milliseconds patience) noexcept {
    std::unique_lock lock(mutex);
    return progress.wait_for(lock, patience, [&] { return written >= goal; });
  }

  // On the thread.
  void run() noexcept;
  std::size_t write_queued() noexcept;
  void report_dropped() noexcept;
  void write(const Record& record) noexcept;
  void flush_sink() noexcept;
  void note_written(std::uint64_t total) noexcept {
    const std::lock_guard lock(mutex);
    written = total;
    progress.notify_all();
  }

  const std::shared_ptr<spdlog::sinks::sink> sink;
  BoundedQueue<Record> queue;
  std::atomic<std::uint64_t> dropped{0};
  std::atomic<int> asleep{0};  ///< an int, for which the system has a wait
  std::atomic<bool> stopping{false};
  std::mutex mutex;
  std::condition_variable progress;
  std::uint64_t written = 0;  ///< records; `everything` once the thread has ended. Guarded by the mutex
};

LogWriter::LogWriter(std::shared_ptr<spdlog::sinks::sink> sink, std::size_t capacity,
                     std::chrono::milliseconds patience)
    : state_(std::make_shared<State>(std::move(sink), capacity)),
      patience_(patience),
      thread_(start_without_signals([state = state_] { state->run(); })) {}

void LogWriter::submit(log::Level level, std::string message) noexcept {
  if (!state_->queue.try_push({std::chrono::system_clock::now(), level, std::move(message)}))
    state_->dropped.fetch_add(1, std::memory_order_relaxed);
  state_->rouse();
}

bool LogWriter::flush() noexcept { return state_->wait_until_written(state_->queue.pushed(), patience_); }

bool LogWriter::stop() noexcept {
  if (!thread_.joinable()) return true;
  state_->stopping.store(true);
  state_->rouse();
  const bool ended = state_->wait_until_written(everything, patience_);
  if (ended) {
    thread_.join();
  } else {
    thread_.detach();
  }
  return ended;
}

void LogWriter::State::run() noexcept {
  pthread_setname_np(pthread_self(), "log");
  leave_core_of_creator();
  for (;;) {
    asleep.store(1);
    const bool last = stopping.load();
    const std::size_t count = write_queued();
    report_dropped();
    if (count == 0 && last) break;
    if (count == 0) {
      asleep.wait(1);
      continue;
    }
    asleep.store(0);
    if (count < queue.capacity() && !last) std::this_thread::sleep_for(nap);
  }
  note_written(everything);
}

/// Writes one queue's worth at most, so that dropped records are reported even while the queue never empties.
std::size_t LogWriter::State::write_queued() noexcept {
  std::size_t count = 0;
  while (count < queue.capacity()) {
    const auto record = queue.try_pop();
    if (!record) break;
    write(*record);
    ++count;
  }
  if (count > 0) {
    flush_sink();
    note_written(written + count);  // written by this thread alone
  }
  return count;
}

void LogWriter::State::report_dropped() noexcept {
  const std::uint64_t count = dropped.exchange(0, std::memory_order_relaxed);
  if (count == 0) return;
  write({std::chrono::system_clock::now(), log::Level::warn,
         std::to_string(count) + " log records were dropped: they came faster than they could be written"});
  flush_sink();
}

void LogWriter::State::write(const Record& record) noexcept {
  try {
    sink->log({record.time, {}, {}, spdlog_level(record.level), record.message});
  } catch (...) {
    // A log that cannot be written has nowhere to say so.
  }
}

void LogWriter::State::flush_sink() noexcept {
  try {
    sink->flush();
  } catch (...) {
    // As above.
  }
}

}  // namespace ringrpc
