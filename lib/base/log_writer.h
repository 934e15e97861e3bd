/// The thread that writes log records, and the queue before it.
///
///   LogWriter writer(sink, 4096);
///   writer.submit(log::Level::info, "listening");      // any thread, never waits
///   writer.flush();
///
/// spdlog formats lines; the queue is our own because spdlog's can only wait or drop the oldest, and what came
/// first is what explains a flood. So are the sinks, because spdlog's do not tell which records they lost.
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
  /// `patience` is how long `flush` and `stop` wait for a sink that takes no more.
  LogWriter(std::shared_ptr<LogSink> sink, std::size_t capacity,
            std::chrono::milliseconds patience = std::chrono::seconds(2));
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;
  ~LogWriter() { stop(); }

  /// Queues a record with the present time. One that finds the queue full is lost and counted; the log tells
  /// the count and the times when there is room again. The receipt, where there is one, is told either way.
  /// From any thread.
  void submit(log::Level level, std::string message,
              const std::shared_ptr<log::Receipt>& receipt = nullptr) noexcept;

  /// OK while records are written; else UNAVAILABLE with the cause (see log::condition). From any thread.
  Status condition() const;

  /// Waits until what was submitted before has been written; false when that took too long. From any thread.
  bool flush() noexcept;

  /// Writes what is queued and ends the thread; what is submitted later is lost. False when that took too
  /// long: the thread is left behind then, with the sink. Call from one thread.
  bool stop() noexcept;

 private:
  struct State;

  std::shared_ptr<State> state_;
  std::chrono::milliseconds patience_;
  std::thread thread_;
};

}  // namespace ringrpc
