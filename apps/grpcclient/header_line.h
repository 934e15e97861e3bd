/// Converts between metadata and its form on the command line.
///
///   Status wrong = add_header(metadata, "Authorization: Bearer 7c1e");
///   header_line({"trace-bin", "\x01\x02"});       // "trace-bin: AQI="
#pragma once

#include <string>
#include <string_view>

#include "ringrpc/metadata.h"

namespace ringrpc::grpcclient {

/// Adds "name: value". The name may be in any case; the value of a "-bin" name is base64. Fails with
/// INVALID_ARGUMENT, which names the fault and the remedy.
Status add_header(Metadata& metadata, std::string_view line);

/// The same form, on one line: binary values in base64, other values with their control bytes escaped.
std::string header_line(const Metadata::Entry& entry);

}  // namespace ringrpc::grpcclient
