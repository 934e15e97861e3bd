/// The thread that writes log records, and the queue before it.
///
///   LogWriter writer(sink, 4096);
///   writer.submit(log::Level::info, "listening");      // any thread, never waits
///   writer.flush();
///
/// spdlog formats lines and owns the sinks; the queue is our own because spdlog's can only wait or drop the
/// oldest, and what came first is what explains a flood.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <spdlog/sinks/sink.h>
#include <string>
#include <string_view>
#include <thread>

#include "ringrpc/log.h"

namespace ringrpc {

class LogWriter {
 public:
  /// Starts the thread, which alone uses `sink`. `capacity` is the number of records that may wait;
  /// `patience` is how long `flush` and `stop` wait for a sink that takes no more.
  LogWriter(std::shared_ptr<spdlog::sinks::sink> sink, std::size_t capacity,
            std::chrono::milliseconds patience = std::chrono::seconds(2));
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;
  ~LogWriter() { stop(); }

  /// Queues a record with the present time, or counts it as dropped. From any thread.
  void submit(log::Level level, std::string message) noexcept;

  /// Waits until what was submitted before has been written; false when that took too long. From any thread.
  bool flush() noexcept;

  /// Writes what is queued and ends the thread; what is submitted later is dropped. False when that took too
  /// long: the thread is left behind then, with the sink. Call from one thread.
  bool stop() noexcept;

 private:
  struct State;

  std::shared_ptr<State> state_;
  std::chrono::milliseconds patience_;
  std::thread thread_;
};

}  // namespace ringrpc
