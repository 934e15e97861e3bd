/// An account of log lines that were lost: how many, and when the first and the last of them were logged.
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

struct LogLoss {
  using Time = std::chrono::system_clock::time_point;

  std::uint64_t count = 0;
  Time first{};
  Time last{};

  void add(Time time) noexcept {
    first = count == 0 ? time : std::min(first, time);
    last = count == 0 ? time : std::max(last, time);
    ++count;
  }

  /// Of one line or more. `cause` is what happened to them.
  std::string words(std::string_view cause) const;
};

}  // namespace ringrpc
