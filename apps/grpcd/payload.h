/// Describes a payload for the log, in the detail that `--log-payload` asks for.
///
///   describe_payload(PayloadLog::head, "hi\n");    // 3 bytes "hi\x0a"
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "grpcd/configuration.h"

namespace ringrpc::grpcd {

/// One line of printable ASCII: other bytes, quotes and backslashes are escaped. `full` is cut at 4096 bytes,
/// since a log record holds no more. Empty for `none`.
std::string describe_payload(PayloadLog kind, std::string_view payload);

/// `bytes` in quotes, escaped in the same way. After `most` bytes the rest is replaced by " ...".
std::string quote(std::string_view bytes, std::size_t most = 64);

}  // namespace ringrpc::grpcd
