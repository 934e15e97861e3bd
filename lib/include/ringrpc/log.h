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
/// With Format::json a record is an object with "time" (RFC 3339), "level" and "message", and its named
/// values (Field). It is always valid UTF-8: other bytes are written as `\xff`.
///
///   log::info("{} connected", log::Field("peer", address));
///   // {"time":"2026-…","level":"info","message":"127.0.0.1:4071 connected","peer":"127.0.0.1:4071"}
///
/// Logging never waits. Records go through a bounded queue; a record that finds it full is lost. A line
/// that stderr does not take, for example because the disk is full, is lost too. Lost lines are counted: a
/// warning with the count, the cause and the times of the first and the last lost line precedes the next
/// line that can be written. A line of which only the beginning was written ends in " [torn]". A record
/// whose level is off costs one load and one comparison. Queued records are written when the process exits,
/// unless stderr blocks for 2 s. They are lost after `_exit` or `abort` unless `flush` was called. All
/// functions may be called from any thread.
#pragma once

#include "ringrpc/compiler.h"

#include <array>
#include <atomic>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <fmt/core.h>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>
#include <variant>

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

/// The form of the lines on stderr.
enum class Format : std::uint8_t { text, json };

/// A named value of a record. As an argument it is written like the value alone; JSON and sinks also get its
/// name. An argument that the format string does not mention is for JSON and sinks only.
class Field {
 public:
  /// Texts are views, numbers and booleans are kept as they are.
  using Value = std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool>;

  /// `name` is a literal. A text must outlive the call that logs it. JSON and sinks get its first 1
  /// KiB.
  template <std::size_t size, std::convertible_to<std::string_view> Text>
  Field(const char (&name)[size], const Text& text) noexcept
      : name_(name, size - 1), value_(std::string_view(text)) {}
  /// A boolean.
  template <std::size_t size>
  Field(const char (&name)[size], bool value) noexcept : name_(name, size - 1), value_(value) {}
  /// A number with a sign.
  template <std::size_t size, std::signed_integral Number>
  Field(const char (&name)[size], Number number) noexcept
      : name_(name, size - 1), value_(static_cast<std::int64_t>(number)) {}
  /// A number without a sign.
  template <std::size_t size, std::unsigned_integral Number>
    requires(!std::same_as<Number, bool>)
  Field(const char (&name)[size], Number number) noexcept
      : name_(name, size - 1), value_(static_cast<std::uint64_t>(number)) {}
  /// A number with a fraction.
  template <std::size_t size>
  Field(const char (&name)[size], double number) noexcept : name_(name, size - 1), value_(number) {}

  std::string_view name() const noexcept { return name_; }  ///< "peer"
  const Value& value() const noexcept { return value_; }    ///< valid as long as this object

  /// The same name with another value.
  Field with(Value value) const noexcept {
    Field other = *this;
    other.value_ = value;
    return other;
  }

 private:
  std::string_view name_;
  Value value_;
};

/// A record as a sink gets it. Views are valid during Sink::write.
struct Record {
  std::chrono::system_clock::time_point time;  ///< when it was logged
  Level level;                                 ///< its severity
  std::string_view message;                    ///< without control bytes, but not necessarily UTF-8
  std::span<const Field> fields;               ///< in the order of the message
};

/// Takes records instead of stderr. Its functions run on the log's own thread, one at a time, so they may
/// block; records beyond 4096 that wait meanwhile are lost and counted. They must not log.
class RINGRPC_EXPORT Sink {
 public:
  Sink() = default;
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;
  virtual ~Sink() = default;

  /// A record for which it throws is lost.
  virtual void write(const Record& record) = 0;
  /// Called after the records of a batch.
  virtual void flush() {}
};

namespace detail {

RINGRPC_EXPORT extern std::atomic<Level> threshold;

/// Formats and queues a record.
RINGRPC_EXPORT void write(Level level, fmt::string_view format, fmt::format_args arguments,
                          std::span<const Field* const> fields) noexcept;

RINGRPC_EXPORT fmt::format_context::iterator write_value(const Field& field, fmt::format_context& context);

/// The fields among the arguments of a record.
template <class... Arguments>
class FieldsOf {
 public:
  explicit FieldsOf(const Arguments&... arguments) noexcept {
    const Field** next = fields_.data();
    (take(next, arguments), ...);
  }
  operator std::span<const Field* const>() const noexcept { return {fields_.data(), count}; }

 private:
  static constexpr std::size_t count = (std::size_t{0} + ... + (std::same_as<Arguments, Field> ? 1 : 0));

  template <class Argument>
  static void take(const Field**& next, const Argument& argument) noexcept {
    if constexpr (std::same_as<Argument, Field>) *next++ = &argument;
  }

  std::array<const Field*, count + 1> fields_;
};

template <class... Arguments>
void put(Level level, fmt::string_view format, const Arguments&... arguments) noexcept {
  write(level, format, fmt::make_format_args(arguments...), FieldsOf<Arguments...>(arguments...));
}

}  // namespace detail

/// The lowest level that is written; info by default.
inline Level level() noexcept { return detail::threshold.load(std::memory_order_relaxed); }
/// Records below this level are dropped. From any thread.
inline void set_level(Level level) noexcept { detail::threshold.store(level, std::memory_order_relaxed); }

/// True if records of that level are written.
inline bool enabled(Level of) noexcept { return of >= level(); }

/// The level of that name; "warning" means warn. INVALID_ARGUMENT for an unknown name lists the known ones.
[[nodiscard]] RINGRPC_EXPORT Result<Level> parse_level(std::string_view name);

/// The form of lines that are written from now on; text by default. May be called from any thread.
RINGRPC_EXPORT Format format() noexcept;
/// Sets how lines on stderr are written from now on. From any thread.
RINGRPC_EXPORT void set_format(Format format) noexcept;

/// Gives the records that are written from now on to `sink`; to stderr if it is null. The sink is destroyed
/// on the log's thread or on one that calls this function. May be called from any thread.
RINGRPC_EXPORT void set_sink(std::shared_ptr<Sink> sink);

/// Waits until all earlier records have been written, at most 2 s. Do not call it on a shard: it blocks.
RINGRPC_EXPORT void flush() noexcept;

/// Logs at level trace: every frame and every step of a connection. Formats nothing
/// unless the level is enabled.
template <class... Arguments>
void trace(fmt::format_string<Arguments...> format, Arguments&&... arguments) noexcept {
  if (enabled(Level::trace)) detail::put(Level::trace, format, arguments...);
}

/// The same at level debug: events that matter when a fault is looked for.
template <class... Arguments>
void debug(fmt::format_string<Arguments...> format, Arguments&&... arguments) noexcept {
  if (enabled(Level::debug)) detail::put(Level::debug, format, arguments...);
}

/// The same at level info: events of normal operation.
template <class... Arguments>
void info(fmt::format_string<Arguments...> format, Arguments&&... arguments) noexcept {
  if (enabled(Level::info)) detail::put(Level::info, format, arguments...);
}

/// The same at level warn: something is wrong, and the program works all the same.
template <class... Arguments>
void warn(fmt::format_string<Arguments...> format, Arguments&&... arguments) noexcept {
  if (enabled(Level::warn)) detail::put(Level::warn, format, arguments...);
}

/// The same at level error: a part of the program does not work.
template <class... Arguments>
void error(fmt::format_string<Arguments...> format, Arguments&&... arguments) noexcept {
  if (enabled(Level::error)) detail::put(Level::error, format, arguments...);
}

}  // namespace ringrpc::log

/// Formats the value.
/// @cond  Doxygen does not know the template.
template <>
struct fmt::formatter<ringrpc::log::Field> {
  constexpr fmt::format_parse_context::iterator parse(fmt::format_parse_context& context) {
    return context.begin();
  }
  fmt::format_context::iterator format(const ringrpc::log::Field& field, fmt::format_context& context) const {
    return ringrpc::log::detail::write_value(field, context);
  }
};
/// @endcond
