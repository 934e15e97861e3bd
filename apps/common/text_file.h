/// Reads a small file as text.
///
///   const auto text = read_text(path);
///   if (!text) return std::unexpected(from_errno(path, text.error()));
#pragma once

#include <cstddef>
#include <expected>
#include <string>

namespace ringrpc::apps {

inline constexpr std::size_t text_bytes_max = 1024 * 1024;

/// The whole content, or an errno: EFBIG above `bytes_max`, ENODATA for a pipe that has no writer and no data.
std::expected<std::string, int> read_text(const std::string& path, std::size_t bytes_max = text_bytes_max);

}  // namespace ringrpc::apps
