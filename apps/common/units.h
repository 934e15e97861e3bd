/// Sizes and durations as people write them: "4M", "30s".
///
///   Result<std::uint64_t> limit = parse_size("64K");       // 65536
///   format_duration(std::chrono::minutes(2));              // "2m"
///
/// What the format functions give, the parse functions take back unchanged. Failures are INVALID_ARGUMENT and
/// show the right form, to stand behind the name of a flag or key.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "ringrpc/status.h"

namespace ringrpc::apps {

/// Decimal digits and nothing else; nothing for what is not those.
std::optional<std::uint64_t> parse_count(std::string_view text);

/// Bytes, or with K, M or G: powers of 1024.
Result<std::uint64_t> parse_size(std::string_view text);
std::string format_size(std::uint64_t bytes);

/// Seconds, or with ms, s, m or h.
Result<std::chrono::milliseconds> parse_duration(std::string_view text);
std::string format_duration(std::chrono::milliseconds duration);

}  // namespace ringrpc::apps
