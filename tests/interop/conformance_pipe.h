/// What the programs under the conformance runner (connectrpc.com/conformance) share: the messages on their
/// standard input and output, and the runner's words for metadata and statuses.
///
///   conformance::ServerCompatRequest request;
///   while (read_compat(request)) write_compat(answer(request));
///
/// Each message goes behind its length, four octets in network order.
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

/// The next message of standard input; false at its end. Ends the program, with a line that
/// says why, when it is not such a message.
bool read_compat(google::protobuf::MessageLite& message);

/// Writes a message to standard output.
void write_compat(const google::protobuf::MessageLite& message);

/// Adds what the runner asks for; its binary values are base64.
Status add_headers(const HeaderList& headers, Metadata& metadata);

/// Metadata in the runner's words: each name once, with its values in their order.
HeaderList to_headers(const Metadata& metadata);

/// An Error is a google.rpc.Status on the wire, so it serves as the details of a status as well.
Status to_status(const conformance::Error& error);
conformance::Error to_error(const Status& status);

}  // namespace ringrpc::interop
