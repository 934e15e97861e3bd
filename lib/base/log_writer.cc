#include "base/log_writer.h"

#include <algorithm>
#include <limits>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>
#include <utility>

namespace ringrpc {

namespace {

constexpr std::uint64_t nothing_to_wait_for = std::numeric_limits<std::uint64_t>::max();

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

/// A thread that takes no signals, as those are for the program's own threads.
template <class Run>
std::thread start_without_signals(Run run) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread(std::move(run));
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

/// Runs where the main thread may: whoever logs first may be pinned to a core that has better to do.
void leave_core_of_creator() noexcept {
  cpu_set_t cores;
  if (sched_getaffinity(getpid(), sizeof cores, &cores) == 0) sched_setaffinity(0, sizeof cores, &cores);
}

bool is_control(unsigned char c) noexcept { return c < 0x20 || c == 0x7f; }

/// U+0080 to U+009F in UTF-8, among them an introducer of terminal commands.
bool is_wide_control(unsigned char first, unsigned char second) noexcept {
  return first == 0xc2 && second >= 0x80 && second < 0xa0;
}

void append_hex(std::string& out, unsigned char c) {
  constexpr char digits[] = "0123456789abcdef";
  out.append({'\\', 'x', digits[c >> 4], digits[c & 15]});
}

}  // namespace

LogWriter::LogWriter(std::shared_ptr<spdlog::sinks::sink> sink, std::size_t capacity)
    : sink_(std::move(sink)), queue_(capacity), thread_(start_without_signals([this] { run(); })) {}

void LogWriter::submit(log::Level level, std::string message) noexcept {
  if (!queue_.try_push({std::chrono::system_clock::now(), level, std::move(message)}))
    dropped_.fetch_add(1, std::memory_order_relaxed);
  signal();
}

void LogWriter::flush() noexcept {
  const std::uint64_t goal = queue_.pushed();
  for (std::uint64_t written = written_.load(); written < goal; written = written_.load())
    written_.wait(written);
}

void LogWriter::stop() noexcept {
  if (!thread_.joinable()) return;
  stopping_.store(true);
  signal();
  thread_.join();
}

void LogWriter::signal() noexcept {
  signals_.fetch_add(1);
  signals_.notify_one();
}

void LogWriter::run() noexcept {
  pthread_setname_np(pthread_self(), "log");
  leave_core_of_creator();
  for (;;) {
    const std::uint32_t seen = signals_.load();
    const bool stopping = stopping_.load();
    const std::size_t count = write_queued();
    report_dropped();
    if (count > 0) continue;
    if (stopping) break;
    signals_.wait(seen);
  }
  written_.store(nothing_to_wait_for);
  written_.notify_all();
}

/// Writes one queue's worth at most, so that dropped records are reported even while the queue never empties.
std::size_t LogWriter::write_queued() noexcept {
  std::size_t count = 0;
  while (count < queue_.capacity()) {
    const auto record = queue_.try_pop();
    if (!record) break;
    write(*record);
    ++count;
  }
  if (count > 0) {
    flush_sink();
    written_.fetch_add(count);
    written_.notify_all();
  }
  return count;
}

void LogWriter::report_dropped() noexcept {
  const std::uint64_t count = dropped_.exchange(0, std::memory_order_relaxed);
  if (count == 0) return;
  write({std::chrono::system_clock::now(), log::Level::warn,
         std::to_string(count) + " log records were dropped: they came faster than they could be written"});
  flush_sink();
}

void LogWriter::write(const Record& record) noexcept {
  try {
    sink_->log({record.time, {}, {}, spdlog_level(record.level), record.message});
  } catch (...) {
    // A log that cannot be written has nowhere to say so.
  }
}

void LogWriter::flush_sink() noexcept {
  try {
    sink_->flush();
  } catch (...) {
    // As above.
  }
}

std::string escape_for_log(std::string_view text, std::size_t limit_bytes) {
  std::string line;
  line.reserve(std::min(text.size(), limit_bytes) + 16);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (line.size() >= limit_bytes) {
      line.append(" ... ").append(std::to_string(text.size() - i)).append(" more bytes");
      break;
    }
    const auto c = static_cast<unsigned char>(text[i]);
    const auto next = static_cast<unsigned char>(i + 1 < text.size() ? text[i + 1] : 0);
    if (is_wide_control(c, next)) {
      append_hex(line, c);
      append_hex(line, next);
      ++i;
    } else if (is_control(c)) {
      append_hex(line, c);
    } else {
      line.push_back(text[i]);
    }
  }
  return line;
}

}  // namespace ringrpc
