/// Standard output that may be closed, or on a full disk.
///
///   if (Status status = print(line.help()); !status.ok()) return refuse("grpcd", status);
#pragma once

#include <string_view>

#include "ringrpc/status.h"

namespace ringrpc::apps {

/// Writes `text` and flushes it. An error names the cause: "stdout: no space left on device".
Status print(std::string_view text);
/// The same for a page that is read through a pipe, such as the help: a reader that ends early, such as `head`, is no
/// error.
Status print_page(std::string_view text);

}  // namespace ringrpc::apps
