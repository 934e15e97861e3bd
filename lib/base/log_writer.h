/// The thread that writes log records, and the queue before it.
///
///   LogWriter writer(sink, 4096);
///   writer.submit(log::Level::info, "listening");      // any thread, never waits
///   writer.flush();
///
/// spdlog formats lines of text. The queue is our own: spdlog's can only wait or drop the oldest records, and
/// the oldest ones explain a flood. The sinks are our own because spdlog's do not report which records they
/// lost.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "ringrpc/log.h"

#include "base/log_sink.h"

namespace ringrpc {

class LogWriter {
 public:
  /// Starts the thread, which alone uses `sink`. `capacity` is the number of records that may wait;
  /// `timeout` is the time that `flush` and `stop` wait for a sink that blocks.
  LogWriter(std::shared_ptr<LogSink> sink, std::size_t capacity,
            std::chrono::milliseconds timeout = std::chrono::seconds(2));
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;
  ~LogWriter() { stop(); }

  /// Queues a record with the present time. A record that finds the queue full is lost and counted; a
  /// warning has the count and the times once there is room again. The receipt, if any, learns the outcome
  /// in both cases. From any thread.
  void submit(log::Level level, std::string message, const std::shared_ptr<log::Receipt>& receipt = nullptr,
              std::unique_ptr<const LogFields> fields = nullptr) noexcept;

  /// OK while records are written; else UNAVAILABLE with the cause (see log::condition). From any thread.
  Status condition() const;

  /// Waits until all earlier records have been written; false on timeout. From any thread.
  bool flush() noexcept;

  /// Writes the queued records and ends the thread; later records are lost. False on timeout: the thread
  /// keeps running then, with the sink. Call it from one thread.
  bool stop() noexcept;

 private:
  struct State;

  std::shared_ptr<State> state_;
  std::chrono::milliseconds timeout_;
  std::thread thread_;
};

}  // namespace ringrpc
