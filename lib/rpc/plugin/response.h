/// What protoc and the plugin say to each other: a CodeGeneratorRequest on standard input, a CodeGeneratorResponse on
/// standard output (google/protobuf/compiler/plugin.proto).
///
///   std::expected<std::string, std::string> response = respond(bytes_of_stdin);
///
/// Files may be in editions 2023 and 2024, although the libprotoc that is linked does not know them: generated code needs
/// the names of messages, services and methods, and which methods stream, but no field.
#pragma once

#include <expected>
#include <string>

namespace ringrpc::plugin {

/// The serialized response, which may contain an error of a .proto file; or why there is none.
std::expected<std::string, std::string> respond(const std::string& request);

}  // namespace ringrpc::plugin
