/// Typed details of a status: messages beside its code and message, for programs to read.
///
///   google::rpc::RetryInfo retry;
///   retry.mutable_retry_delay()->set_seconds(30);
///   co_return with_detail(Status(Code::UNAVAILABLE, "the ledger is closed"), retry);
///   ...
///   if (auto info = find_detail<google::rpc::RetryInfo>(status)) wait_s = info->retry_delay().seconds();
///
/// A detail may have any message type. google/rpc/error_details.proto of googleapis has types that every
/// gRPC implementation knows (BadRequest, RetryInfo, QuotaFailure and others); generate C++ from your own
/// copy of it. On the wire the details are a google.rpc.Status in the trailer `grpc-status-details-bin`
/// (https://google.aip.dev/193). Most peers limit trailers to 8 KiB. A status whose details do not fit ends
/// the call with RESOURCE_EXHAUSTED instead.
#pragma once

#include "ringrpc/compiler.h"

#include <google/protobuf/any.pb.h>
#include <google/protobuf/message.h>
#include <optional>
#include <string>
#include <vector>

#include "ringrpc/export.h"
#include "ringrpc/status.h"

namespace ringrpc {

/// The same failure with one more detail; no effect on OK. The details also carry a copy of the status's
/// present code and message.
RINGRPC_EXPORT Status with_detail(Status status, const google::protobuf::Message& detail);

/// All details, in their order; empty if the peer sent none, or bytes that are no google.rpc.Status.
RINGRPC_EXPORT std::vector<google::protobuf::Any> details_of(const Status& status);

/// The first detail of this type, or nothing if there is none that can be parsed.
template <class Detail>
std::optional<Detail> find_detail(const Status& status) {
  for (const google::protobuf::Any& any : details_of(status)) {
    Detail detail;
    if (any.UnpackTo(&detail)) return detail;
  }
  return std::nullopt;
}

}  // namespace ringrpc
