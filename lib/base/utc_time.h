/// Points in time as logs show them (RFC 3339).
///
///   append_utc(line, std::chrono::system_clock::now());     // "2026-03-01T12:30:05.123Z"
#pragma once

#include <chrono>
#include <string>

namespace ringrpc {

/// Appends `time` in UTC with milliseconds. Fastest when successive calls of a thread are within one second.
void append_utc(std::string& to, std::chrono::system_clock::time_point time);

}  // namespace ringrpc
