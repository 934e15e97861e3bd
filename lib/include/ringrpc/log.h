/// The log: one line for each record, written to stderr by a thread of its own.
///
///   log::info("listening on {}", address);       // as std::format takes it, checked by the compiler
///
///   log::set_level(log::Level::trace);           // at any time, from any thread
///
///   if (log::enabled(log::Level::trace)) log::trace("{}", dump(frame));    // where an argument costs
///
/// A record is "2026-03-01T12:30:05.123Z info listening on 127.0.0.1:50051", in UTC. Control bytes are
/// written as `\x0d`, so that bytes from a peer can neither forge a line nor control a terminal. A record
/// is cut after 4 KiB.
///
/// Logging never waits. Records go through a bounded queue; a record that finds it full is lost. A line
/// that stderr does not take, for example because the disk is full, is lost too. Lost lines are counted: a
/// warning with the count, the cause and the times of the first and the last lost line precedes the next
/// line that can be written. A line of which only the beginning was written ends in " [torn]". A record
/// whose level is off costs one load and one comparison. Queued records are written when the process exits,
/// unless stderr blocks for 2 s. They are lost after `_exit` or `abort` unless `flush` was called. All
/// functions may be called from any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <fmt/core.h>
#include <string_view>

#include "ringrpc/export.h"
#include "ringrpc/status.h"

namespace ringrpc::log {

/// The severity of a record, from the most verbose; `off` silences all.
enum class Level : std::uint8_t { trace, debug, info, warn, error, off };

/// All levels, from the most verbose.
inline constexpr std::array levels = {Level::trace, Level::debug, Level::info,
                                      Level::warn,  Level::error, Level::off};

/// "trace", "debug", "info", "warn", "error" or "off". (A log line has "warning" for warn.)
RINGRPC_EXPORT std::string_view name(Level level) noexcept;

namespace detail {

RINGRPC_EXPORT extern std::atomic<Level> threshold;

/// Formats and queues a record.
RINGRPC_EXPORT void write(Level level, fmt::string_view format, fmt::format_args arguments) noexcept;

}  // namespace detail

/// The lowest level that is written; info by default.
inline Level level() noexcept { return detail::threshold.load(std::memory_order_relaxed); }
inline void set_level(Level level) noexcept { detail::threshold.store(level, std::memory_order_relaxed); }

/// True if records of that level are written.
inline bool enabled(Level of) noexcept { return of >= level(); }

/// The level of that name; "warning" means warn. INVALID_ARGUMENT for an unknown name lists the known ones.
RINGRPC_EXPORT Result<Level> parse_level(std::string_view name);

/// Waits until all earlier records have been written, at most 2 s. Do not call it on a shard: it blocks.
RINGRPC_EXPORT void flush() noexcept;

template <class... Arguments>
void trace(fmt::format_string<Arguments...> format, Arguments&&... arguments) noexcept {
  if (enabled(Level::trace)) detail::write(Level::trace, format, fmt::make_format_args(arguments...));
}

template <class... Arguments>
void debug(fmt::format_string<Arguments...> format, Arguments&&... arguments) noexcept {
  if (enabled(Level::debug)) detail::write(Level::debug, format, fmt::make_format_args(arguments...));
}

template <class... Arguments>
void info(fmt::format_string<Arguments...> format, Arguments&&... arguments) noexcept {
  if (enabled(Level::info)) detail::write(Level::info, format, fmt::make_format_args(arguments...));
}

template <class... Arguments>
void warn(fmt::format_string<Arguments...> format, Arguments&&... arguments) noexcept {
  if (enabled(Level::warn)) detail::write(Level::warn, format, fmt::make_format_args(arguments...));
}

template <class... Arguments>
void error(fmt::format_string<Arguments...> format, Arguments&&... arguments) noexcept {
  if (enabled(Level::error)) detail::write(Level::error, format, fmt::make_format_args(arguments...));
}

}  // namespace ringrpc::log
