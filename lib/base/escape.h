/// Text that came from elsewhere, made fit for a log or a terminal.
///
///   escape_controls("a\r\x1b[2J");      // "a\x0d\x1b[2J", in so many characters
#pragma once

#include <string>
#include <string_view>

namespace ringrpc {

/// `text` with control characters as \x0d, those of U+0080 to U+009F in UTF-8 too, but for those in `keep`;
/// cut to about `limit_bytes`, between characters.
std::string escape_controls(std::string_view text, std::size_t limit_bytes = std::string_view::npos,
                            std::string_view keep = {});

}  // namespace ringrpc
