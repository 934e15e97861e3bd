#include "common/units.h"

#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <span>

namespace ringrpc::apps {
namespace {

struct Unit {
  std::string_view suffix;
  std::uint64_t factor;
};

// Largest first: a value is printed in the first unit that divides it.
constexpr std::array size_units{Unit{"G", 1ull << 30}, Unit{"M", 1ull << 20}, Unit{"K", 1ull << 10},
                                Unit{"", 1}};
constexpr std::array duration_units{Unit{"h", 3'600'000}, Unit{"m", 60'000}, Unit{"s", 1000}, Unit{"ms", 1}};

/// The number at the front of `text` times the unit after it. Nullopt without a number, for an unknown unit,
/// and for a product above `most`.
std::optional<std::uint64_t> parse_scaled(std::string_view text, std::span<const Unit> units,
                                          std::uint64_t bare_factor, std::uint64_t most) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc()) return std::nullopt;

  const std::string_view suffix(rest, static_cast<std::size_t>(end - rest));
  std::optional<std::uint64_t> factor;
  if (suffix.empty()) factor = bare_factor;
  for (const Unit& unit : units) {
    if (!suffix.empty() && unit.suffix == suffix) factor = unit.factor;
  }
  if (!factor || number > most / *factor) return std::nullopt;
  return number * *factor;
}

std::string format_scaled(std::uint64_t value, std::span<const Unit> units, std::string_view zero) {
  if (value == 0) return std::string(zero);
  for (const Unit& unit : units) {
    if (value % unit.factor == 0) return std::to_string(value / unit.factor).append(unit.suffix);
  }
  return std::to_string(value);
}

std::unexpected<Status> not_a(std::string_view what, std::string_view text, std::string_view right) {
  std::string message("'");
  message.append(text).append("' is not a ").append(what).append("; write ").append(right);
  return fail(Code::INVALID_ARGUMENT, std::move(message));
}

}  // namespace

std::optional<std::uint64_t> parse_count(std::string_view text) {
  return parse_scaled(text, {}, 1, std::numeric_limits<std::uint64_t>::max());
}

Result<std::uint64_t> parse_size(std::string_view text) {
  const auto bytes = parse_scaled(text, size_units, 1, std::numeric_limits<std::int64_t>::max());
  if (!bytes) return not_a("size", text, "bytes, or K, M or G: 65536, 64K, 4M");
  return *bytes;
}

std::string format_size(std::uint64_t bytes) { return format_scaled(bytes, size_units, "0"); }

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  const auto ms = parse_scaled(text, duration_units, 1000, std::numeric_limits<std::int64_t>::max());
  if (!ms) return not_a("duration", text, "seconds, or ms, s, m or h: 30, 30s, 2m");
  return std::chrono::milliseconds(static_cast<std::int64_t>(*ms));
}

std::string format_duration(std::chrono::milliseconds duration) {
  return format_scaled(static_cast<std::uint64_t>(duration.count()), duration_units, "0s");
}

}  // namespace ringrpc::apps
