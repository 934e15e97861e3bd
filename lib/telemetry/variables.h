/// Reads OTEL_* variables by the rules that the specification has for all of them
/// (https://opentelemetry.io/docs/specs/otel/configuration/common/).
///
///   Variables variables(get, warnings);
///   variables.read_number("OTEL_BSP_MAX_QUEUE_SIZE", options.max_queued_spans, {1, 1'000'000});
///
/// An empty value counts as none. A value that is not understood gets a warning and has no effect.
#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ringrpc/telemetry.h"

namespace ringrpc::telemetry {

/// The limit of TelemetryOptions::max_queued_spans.
inline constexpr std::size_t queued_spans_max = 1'000'000;

class Variables {
 public:
  /// Both must outlive it.
  Variables(const GetEnvironment& get, std::vector<std::string>& warnings) noexcept
      : get_(get), warnings_(warnings) {}

  /// Without spaces at the ends; empty if the variable is not set.
  std::string text(const std::string& name) const;

  /// True only for "true", in any case.
  bool flag(const std::string& name) const;

  struct Range {
    std::uint64_t least;
    std::uint64_t most;
  };
  void read_number(const std::string& name, std::size_t& to, Range range) const;
  /// In milliseconds. Zero means no limit, if that is allowed: some years.
  enum class Zero : std::uint8_t { refused, no_limit, plain };
  void read_time(const std::string& name, std::chrono::milliseconds& to, Zero zero) const;

  /// The value that belongs to the name; nothing if it is not set or not among them.
  /// Names are compared without case.
  template <class Value>
  std::optional<Value> choice(const std::string& name,
                              std::initializer_list<std::pair<std::string_view, Value>> values) const {
    const std::string given = text(name);
    if (given.empty()) return std::nullopt;
    std::string known;
    for (const auto& [word, value] : values) {
      if (same_word(given, word)) return value;
      known.append(known.empty() ? "" : ", ").append(word);
    }
    warn(name, "\"" + given + "\" is not supported; choose one of " + known);
    return std::nullopt;
  }

  /// Once, even if a variable is read for both signals.
  void warn(const std::string& name, const std::string& why) const;

 private:
  static bool same_word(std::string_view a, std::string_view b) noexcept;
  std::optional<std::uint64_t> number(const std::string& name, Range range, std::string_view unit) const;

  const GetEnvironment& get_;
  std::vector<std::string>& warnings_;
};

using Pairs = std::vector<std::pair<std::string, std::string>>;

/// The pairs of "key=value,key=value", percent-decoded (https://www.w3.org/TR/baggage/#header-content).
/// INVALID_ARGUMENT says at which pair the text goes wrong, and quotes no value, which may be a secret.
Result<Pairs> parse_pairs(std::string_view text);

/// The words of a list that commas separate.
std::vector<std::string> split_list(std::string_view text);

}  // namespace ringrpc::telemetry
