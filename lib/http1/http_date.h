/// A time of day as HTTP writes it: "Sun, 06 Nov 1994 08:49:37 GMT" (IMF-fixdate: RFC 9110, 5.6.7).
#pragma once

#include <array>
#include <chrono>
#include <cstddef>

namespace ringrpc::http1 {

inline constexpr std::size_t http_date_bytes = 29;

/// Of the years 0 to 9999. Without a terminating zero.
std::array<char, http_date_bytes> http_date(std::chrono::sys_seconds time) noexcept;

}  // namespace ringrpc::http1
