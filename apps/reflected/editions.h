/// Files in protobuf's editions, for a protobuf that does not know them: rewrites their descriptors as proto3 or proto2.
/// Every message keeps its wire format and its JSON (https://protobuf.dev/editions/features/).
///
///   Status lowered = lower_edition(file, Lowering::closest);
///
/// It resolves the features of the file and of all that is in it, from their defaults in editions 2023 and 2024. proto3
/// takes a file if nothing in it is closed or required, has a default value or is an extension. Else the file
/// becomes proto2, which differs in two points that no message shows: fields with implicit presence are optional, and
/// enums are closed.
///
/// No field stays a group, in a file of proto2 neither: protobuf prints the contents of a group in its place, for ever if
/// the group contains itself. Delimited fields are messages with a mark in their options, and `GroupWire` converts them.
#pragma once

#include <cstdint>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <string>
#include <string_view>

#include "ringrpc/status.h"

namespace ringrpc::reflected {

enum class Lowering : std::uint8_t {
  closest,  ///< files in editions become proto3 if they can be, else proto2
  proto2,   ///< they become proto2, and so do files in proto3: no message of proto3 may use an enum of proto2
};

/// Rewrites a file that is not built yet, and whose fields have types. INVALID_ARGUMENT if the edition is not supported or
/// a feature is not known.
Status lower_edition(google::protobuf::FileDescriptorProto& file, Lowering lowering);

/// The year of a file's edition, also of one that is rewritten; 0 if it has none.
int edition_of(const google::protobuf::FileDescriptorProto& file);
/// Declares that a file in another syntax was rewritten from this year's edition.
void keep_edition(google::protobuf::FileDescriptorProto& file, int year);
/// Declares that a file is in an edition: "2023".
void set_edition(google::protobuf::FileDescriptorProto& file, std::string_view edition);

/// True for a field that is a group in serialized messages.
bool delimited(const google::protobuf::FieldDescriptor& field);

/// True for an error of protobuf's that `Lowering::proto2` avoids.
bool wants_proto2(std::string_view error) noexcept;

}  // namespace ringrpc::reflected
