/// connectrpc.conformance.v1.ConformanceService. The first request of a call defines the responses, which
/// describe the received call.
///
///   ConformanceService service;
///   Result<std::unique_ptr<Server>> server = Server::start({&service}, options);
#pragma once

#include "ringrpc/service.h"

#include "connectrpc/conformance/v1/service.ringrpc.h"
#include "interop/conformance_pipe.h"

namespace ringrpc::interop {

class ConformanceService final : public conformance::ConformanceService::Service {
 public:
  Task<Result<conformance::UnaryResponse>> Unary(Call& call, conformance::UnaryRequest request) override;
  Task<Result<conformance::IdempotentUnaryResponse>> IdempotentUnary(
      Call& call, conformance::IdempotentUnaryRequest request) override;
  Task<Status> ServerStream(Call& call, conformance::ServerStreamRequest request,
                            Writer<conformance::ServerStreamResponse>& out) override;
  Task<Result<conformance::ClientStreamResponse>> ClientStream(
      Call& call, Reader<conformance::ClientStreamRequest>& in) override;
  Task<Status> BidiStream(Call& call, Reader<conformance::BidiStreamRequest>& in,
                          Writer<conformance::BidiStreamResponse>& out) override;
};

}  // namespace ringrpc::interop
