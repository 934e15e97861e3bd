/// Makes text from elsewhere safe for a log, a terminal or a page.
///
///   escape_controls("a\r\x1b[2J");      // R"(a\x0d\x1b[2J)"
#pragma once

#include <string>
#include <string_view>

namespace ringrpc {

/// Replaces control characters in `text` by \x0d and the like, except those in `keep`. Replaces U+0080 to
/// U+009F, marks of text direction, and bytes that are not UTF-8 too. So the result is UTF-8. Text longer than
/// about `limit_bytes` is cut at a character boundary.
std::string escape_controls(std::string_view text, std::size_t limit_bytes = std::string_view::npos,
                            std::string_view keep = {});

/// Replaces & < > and " in `text` by references, for HTML and for quoted attributes.
std::string escape_html(std::string_view text);

}  // namespace ringrpc
