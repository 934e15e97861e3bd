/// Sizes and durations as people write them: "4M", "30s".
///
///   Result<std::uint64_t> limit = parse_size("64K");       // 65536
///   format_duration(std::chrono::minutes(2));              // "2m"
///
/// The parse functions accept everything that the format functions return. Their errors are INVALID_ARGUMENT
/// and show the right form, to follow the name of a flag or key.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "ringrpc/status.h"

namespace ringrpc::apps {

/// A number of decimal digits only; nullopt for any other text.
std::optional<std::uint64_t> parse_count(std::string_view text);

/// A number of bytes, optionally with K, M or G (powers of 1024).
Result<std::uint64_t> parse_size(std::string_view text);
std::string format_size(std::uint64_t bytes);

/// A number of seconds, or one with ms, s, m or h.
Result<std::chrono::milliseconds> parse_duration(std::string_view text);
std::string format_duration(std::chrono::milliseconds duration);

}  // namespace ringrpc::apps
