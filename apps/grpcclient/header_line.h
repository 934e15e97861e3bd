/// A header as it is written on the command line, for the metadata of a call and back.
///
///   Status wrong = add_header(metadata, "Authorization: Bearer 7c1e");
///   header_line({"trace-bin", "\x01\x02"});       // "trace-bin: AQI="
#pragma once

#include <string>
#include <string_view>

#include "ringrpc/metadata.h"

namespace ringrpc::grpcclient {

/// Adds "name: value"; the name in any case, the value of a "-bin" name in base64. INVALID_ARGUMENT says what
/// is wrong and what would be right.
Status add_header(Metadata& metadata, std::string_view line);

/// The same form, of one line: values that are not text stand in base64 and others have their control bytes
/// escaped.
std::string header_line(const Metadata::Entry& entry);

}  // namespace ringrpc::grpcclient
