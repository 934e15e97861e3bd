/// An account of lost log lines: their number and the times of the first and the last.
///
///   LogLoss loss;
///   loss.add(time);
///   loss.words("could not be written")
///   // "3 log lines were lost between 2026-03-01T12:30:05.123Z and …: they could not be written"
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace ringrpc {

/// All lines that this process's logs have lost. From any thread.
std::uint64_t log_lines_lost() noexcept;
void count_lost_log_line() noexcept;

struct LogLoss {
  using Time = std::chrono::system_clock::time_point;

  std::uint64_t count = 0;
  Time first{};
  Time last{};

  void add(Time time) noexcept {
    first = count == 0 ? time : std::min(first, time);
    last = count == 0 ? time : std::max(last, time);
    ++count;
    count_lost_log_line();
  }

  /// Adds lines that are counted already.
  void merge(const LogLoss& other) noexcept {
    if (other.count == 0) return;
    first = count == 0 ? other.first : std::min(first, other.first);
    last = count == 0 ? other.last : std::max(last, other.last);
    count += other.count;
  }

  /// The text of the warning, for one lost line or more. `cause` says what happened to them.
  std::string words(std::string_view cause) const;
};

}  // namespace ringrpc
