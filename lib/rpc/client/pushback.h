/// The request of a server's `grpc-retry-pushback-ms` to wait before the next attempt, or to
/// stop (gRFC A6, "Pushback").
///
///   const Pushback pushback = Pushback::in(response.trailing);
///   if (pushback.kind == Pushback::Kind::stop) ...    // no more attempts
#pragma once

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <string_view>

#include "ringrpc/clock.h"
#include "ringrpc/metadata.h"

#include "rpc/wire/metadata_wire.h"

namespace ringrpc {

struct Pushback {
  enum class Kind : std::uint8_t {
    none,
    wait,  ///< another attempt after `delay`
    stop,  ///< no other attempt: the value is negative or no number, or there are several
  };

  Kind kind = Kind::none;
  Nanoseconds delay{0};

  static Pushback in(const Metadata& trailing) noexcept {
    const auto count = std::ranges::count(trailing, pushback_name, &Metadata::Entry::name);
    if (count == 0) return {};
    return count == 1 ? parse(*trailing.find(pushback_name)) : Pushback{.kind = Kind::stop};
  }

  static Pushback parse(std::string_view text) noexcept {
    // A longer wait than a year is never over.
    constexpr std::int64_t delay_ms_max = std::chrono::milliseconds(std::chrono::years(1)).count();
    std::int64_t delay_ms = 0;
    if (text.starts_with('+')) text.remove_prefix(1);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), delay_ms);
    if (error != std::errc() || end != text.data() + text.size() || delay_ms < 0) return {.kind = Kind::stop};
    return {.kind = Kind::wait, .delay = std::chrono::milliseconds(std::min(delay_ms, delay_ms_max))};
  }
};

}  // namespace ringrpc
