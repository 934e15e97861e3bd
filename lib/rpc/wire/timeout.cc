#include "rpc/wire/timeout.h"

#include <array>
#include <cstdint>
#include <limits>

namespace ringrpc {
namespace {

constexpr std::size_t max_digits = 8;
constexpr std::int64_t max_value = 99'999'999;

struct Unit {
  char letter;
  std::int64_t nanoseconds;
};
constexpr std::array<Unit, 6> units{{
    {'n', 1},
    {'u', 1'000},
    {'m', 1'000'000},
    {'S', 1'000'000'000},
    {'M', 60'000'000'000},
    {'H', 3'600'000'000'000},
}};

}  // namespace

std::optional<Nanoseconds> parse_timeout(std::string_view value) noexcept {
  if (value.size() < 2 || value.size() > max_digits + 1) return std::nullopt;
  std::int64_t amount = 0;
  for (const char digit : value.substr(0, value.size() - 1)) {
    if (digit < '0' || digit > '9') return std::nullopt;
    amount = amount * 10 + (digit - '0');
  }
  for (const Unit& unit : units) {
    if (unit.letter != value.back()) continue;
    if (amount > std::numeric_limits<std::int64_t>::max() / unit.nanoseconds) return Nanoseconds::max();
    return Nanoseconds(amount * unit.nanoseconds);
  }
  return std::nullopt;
}

std::string format_timeout(Nanoseconds timeout) {
  if (timeout <= Nanoseconds::zero()) return "0n";
  for (const Unit& unit : units) {
    const std::int64_t amount = (timeout.count() - 1) / unit.nanoseconds + 1;
    if (amount <= max_value) return std::to_string(amount) + unit.letter;
  }
  return std::to_string(max_value) + units.back().letter;
}

}  // namespace ringrpc
