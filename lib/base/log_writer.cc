#include "base/log_writer.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <limits>
#include <mutex>
#include <pthread.h>
#include <system_error>
#include <utility>

#include "base/background_thread.h"
#include "base/bounded_queue.h"
#include "base/log_loss.h"

namespace ringrpc {

namespace {

/// The thread sleeps this long after a batch of records, so that frequent loggers need not wake it each time.
constexpr std::chrono::milliseconds nap{1};

constexpr std::uint64_t everything = std::numeric_limits<std::uint64_t>::max();

/// Counts the records that found the queue full. Any thread may add to it without waiting. Under concurrent
/// adds the times are those of some of the records.
class DroppedRecords {
 public:
  using Time = LogLoss::Time;

  void add(Time time) noexcept {
    Time::rep none = 0;
    const Time::rep now = time.time_since_epoch().count();
    first_.compare_exchange_strong(none, now);
    last_.store(now);
    count_.fetch_add(1);
    count_lost_log_line();
  }

  bool any() const noexcept { return count_.load(std::memory_order_relaxed) != 0; }

  /// The loss since the last call. One thread.
  LogLoss take() noexcept {
    const std::uint64_t count = count_.exchange(0);
    const Time::rep first = first_.exchange(0);
    const Time::rep last = last_.load();
    return {count, Time(Time::duration(first != 0 ? first : last)), Time(Time::duration(last))};
  }

 private:
  std::atomic<std::uint64_t> count_{0};
  std::atomic<Time::rep> first_{0};
  std::atomic<Time::rep> last_{0};
};

}  // namespace

/// The state of the thread. It is shared because a write that blocks cannot be ended: `stop` may have to
/// leave the thread running in one.
struct LogWriter::State {
  State(std::shared_ptr<LogSink> to, std::size_t capacity) : sink(std::move(to)), queue(capacity) {}

  /// The thread sets `asleep` and then checks the queue; a caller pushes to the queue and then checks
  /// `asleep`. So at least one of them sees the other. Waking costs microseconds, so a caller skips it
  /// while the thread is awake.
  void rouse() noexcept {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (asleep.load(std::memory_order_relaxed) != 0 && asleep.exchange(0) != 0) asleep.notify_one();
  }
  bool wait_until_written(std::uint64_t goal, std::chrono::milliseconds timeout) noexcept {
    std::unique_lock lock(mutex);
    return progress.wait_for(lock, timeout, [&] { return written >= goal; });
  }

  // On the thread.
  void run() noexcept;
  std::size_t write_queued() noexcept;
  void report_dropped() noexcept;
  void write(LogRecord record) noexcept;
  void flush_sink() noexcept;
  void note_written(std::uint64_t total) noexcept {
    const std::lock_guard lock(mutex);
    written = total;
    progress.notify_all();
  }

  const std::shared_ptr<LogSink> sink;
  BoundedQueue<LogRecord> queue;
  DroppedRecords dropped;
  std::atomic<std::errc> failure{};  ///< of the last write
  std::atomic<int> asleep{0};        ///< an int, because the kernel can wait on one (futex)
  std::atomic<bool> stopping{false};
  std::mutex mutex;
  std::condition_variable progress;
  std::uint64_t written = 0;  ///< records; `everything` once the thread has ended. Guarded by the mutex
};

LogWriter::LogWriter(std::shared_ptr<LogSink> sink, std::size_t capacity, std::chrono::milliseconds timeout)
    : state_(std::make_shared<State>(std::move(sink), capacity)),
      timeout_(timeout),
      thread_(start_without_signals([state = state_] { state->run(); })) {}

void LogWriter::submit(log::Level level, std::string message, const std::shared_ptr<log::Receipt>& receipt,
                       std::unique_ptr<const LogFields> fields) noexcept {
  const auto now = std::chrono::system_clock::now();
  if (!state_->queue.try_push({now, level, std::move(message), receipt, std::move(fields)})) {
    state_->dropped.add(now);
    if (receipt) receipt->tell(false);
  }
  state_->rouse();
}

Status LogWriter::condition() const {
  if (const std::errc failure = state_->failure.load(); failure != std::errc{})
    return fail(Code::UNAVAILABLE, "the log cannot be written: " + std::make_error_code(failure).message());
  if (state_->dropped.any()) return fail(Code::UNAVAILABLE, "the log cannot be written: its queue is full");
  return {};
}

bool LogWriter::flush() noexcept { return state_->wait_until_written(state_->queue.pushed(), timeout_); }

bool LogWriter::stop() noexcept {
  if (!thread_.joinable()) return true;
  state_->stopping.store(true);
  state_->rouse();
  const bool ended = state_->wait_until_written(everything, timeout_);
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
  flush_sink();  // the warning about lost lines may still wait for space on the disk
  note_written(everything);
}

/// Writes at most one queue's worth, so that dropped records are reported even if the queue never empties.
std::size_t LogWriter::State::write_queued() noexcept {
  std::size_t count = 0;
  while (count < queue.capacity()) {
    auto record = queue.try_pop();
    if (!record) break;
    write(*std::move(record));
    ++count;
  }
  if (count > 0) {
    flush_sink();
    note_written(written + count);  // written by this thread alone
  }
  return count;
}

void LogWriter::State::report_dropped() noexcept {
  if (!dropped.any()) return;
  try {
    sink->take_loss(dropped.take(), "came faster than the log could be written");
  } catch (...) {
    // Out of memory: the count is lost.
  }
  flush_sink();
}

void LogWriter::State::write(LogRecord record) noexcept {
  try {
    sink->take(std::move(record));
  } catch (...) {
    // There is no place to report a log that cannot be written.
  }
}

void LogWriter::State::flush_sink() noexcept {
  try {
    failure = sink->flush();
  } catch (...) {
    // The same as above.
  }
}

}  // namespace ringrpc
