/// A payload in the words of the log, as much of it as `--log-payload` asks for.
///
///   describe_payload(PayloadLog::head, "hi\n");    // 3 bytes "hi\x0a"
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "grpcd/configuration.h"

namespace ringrpc::grpcd {

/// One line of printable ASCII: other bytes, quotes and backslashes are escaped. `full` is cut where a record
/// of the log would be. Empty for `none`.
std::string describe_payload(PayloadLog kind, std::string_view payload);

/// `bytes` in quotes, escaped likewise; cut after `most`, with " ..." to say so.
std::string quote(std::string_view bytes, std::size_t most = 64);

}  // namespace ringrpc::grpcd
