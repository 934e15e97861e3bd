/// The thread that writes log records, and the queue before it.
///
///   LogWriter writer(sink, 4096);
///   writer.submit(log::Level::info, "listening");      // any thread, never waits
///   writer.flush();
///
/// spdlog formats lines and owns the sinks; the queue is our own because spdlog's can only wait or drop the
/// oldest, and what came first is what explains a flood.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <spdlog/sinks/sink.h>
#include <string>
#include <string_view>
#include <thread>

#include "ringrpc/log.h"

#include "base/bounded_queue.h"

namespace ringrpc {

class LogWriter {
 public:
  /// Starts the thread, which alone uses `sink`. `capacity` is the number of records that may wait.
  LogWriter(std::shared_ptr<spdlog::sinks::sink> sink, std::size_t capacity);
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;
  ~LogWriter() { stop(); }

  /// Queues a record with the present time, or counts it as dropped. From any thread.
  void submit(log::Level level, std::string message) noexcept;

  /// Waits until what was submitted before has been written. From any thread.
  void flush() noexcept;

  /// Writes what is queued and ends the thread; what is submitted later is dropped. Call from one thread.
  void stop() noexcept;

 private:
  struct Record {
    std::chrono::system_clock::time_point time;
    log::Level level = log::Level::off;
    std::string message;
  };

  void signal() noexcept;
  void run() noexcept;
  std::size_t write_queued() noexcept;
  void report_dropped() noexcept;
  void write(const Record& record) noexcept;
  void flush_sink() noexcept;

  std::shared_ptr<spdlog::sinks::sink> sink_;
  BoundedQueue<Record> queue_;
  std::atomic<std::uint64_t> dropped_{0};
  std::atomic<std::uint64_t> written_{0};
  std::atomic<std::uint32_t> signals_{0};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

/// `text` with control characters as \x0d, cut to about `limit_bytes`.
std::string escape_for_log(std::string_view text, std::size_t limit_bytes = 4096);

}  // namespace ringrpc
