/// Metadata on the command line: the flag `--header` of the client programs, and its form.
///
///   line.add(header_setting("Request", "Metadata to send", values.headers));
///   Status wrong = add_header(metadata, "Authorization: Bearer 7c1e");
///   header_line({"trace-bin", "\x01\x02"});       // "trace-bin: AQI="
#pragma once

#include <string>
#include <string_view>

#include "ringrpc/metadata.h"

#include "common/setting.h"

namespace ringrpc::apps {

/// The flag, which may be repeated. Each value is added as `add_header` does.
Setting header_setting(const std::string& group, const std::string& help, Metadata& target);

/// Adds "name: value". The name may be in any case; the value of a "-bin" name is base64. Fails with
/// INVALID_ARGUMENT, which names the fault and the remedy.
Status add_header(Metadata& metadata, std::string_view line);

/// The same form, on one line: binary values in base64, other values with their control bytes escaped.
std::string header_line(const Metadata::Entry& entry);

}  // namespace ringrpc::apps
