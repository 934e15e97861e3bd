/// Shared by the programs under the conformance runner (connectrpc.com/conformance): messages on standard
/// input and output, and conversions of the runner's metadata and statuses.
///
///   conformance::ServerCompatRequest request;
///   while (read_compat(request)) write_compat(answer(request));
///
/// Each message follows its length, four bytes in network order.
#pragma once

#include <google/protobuf/message_lite.h>
#include <google/protobuf/repeated_ptr_field.h>
#include <string>

#include "ringrpc/metadata.h"
#include "ringrpc/status.h"

#include "connectrpc/conformance/v1/service.pb.h"

namespace ringrpc::interop {

namespace conformance = connectrpc::conformance::v1;
using HeaderList = google::protobuf::RepeatedPtrField<conformance::Header>;

/// Reads the next message from standard input. False at its end. Anything but such a message ends the
/// program, with a line that says why.
bool read_compat(google::protobuf::MessageLite& message);

/// Writes a message to standard output.
void write_compat(const google::protobuf::MessageLite& message);

/// Adds the fields that the runner wants. Their binary values are base64.
Status add_headers(const HeaderList& headers, Metadata& metadata);

/// Converts metadata to the runner's form: each name once, with its values in their order.
HeaderList to_headers(const Metadata& metadata);

/// An Error is a google.rpc.Status on the wire, so it serves as the details of a status as well.
Status to_status(const conformance::Error& error);
conformance::Error to_error(const Status& status);

}  // namespace ringrpc::interop
