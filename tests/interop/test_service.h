/// grpc.testing.TestService as gRPC's interop test descriptions define it: requests define their responses
/// (https://github.com/grpc/grpc/blob/master/doc/interop-test-descriptions.md).
///
///   TestService service;
///   Result<std::unique_ptr<Server>> server = Server::start({&service}, options);
#pragma once

#include "ringrpc/service.h"

#include "grpc/testing/test.ringrpc.h"

namespace ringrpc::interop {

class TestService final : public grpc::testing::TestService::Service {
 public:
  using Empty = grpc::testing::Empty;
  using SimpleRequest = grpc::testing::SimpleRequest;
  using SimpleResponse = grpc::testing::SimpleResponse;
  using InputRequest = grpc::testing::StreamingInputCallRequest;
  using InputResponse = grpc::testing::StreamingInputCallResponse;
  using OutputRequest = grpc::testing::StreamingOutputCallRequest;
  using OutputResponse = grpc::testing::StreamingOutputCallResponse;

  Task<Result<Empty>> EmptyCall(Call& call, Empty request) override;
  Task<Result<SimpleResponse>> UnaryCall(Call& call, SimpleRequest request) override;
  Task<Result<SimpleResponse>> CacheableUnaryCall(Call& call, SimpleRequest request) override;
  Task<Status> StreamingOutputCall(Call& call, OutputRequest request, Writer<OutputResponse>& out) override;
  Task<Result<InputResponse>> StreamingInputCall(Call& call, Reader<InputRequest>& in) override;
  Task<Status> FullDuplexCall(Call& call, Reader<OutputRequest>& in, Writer<OutputResponse>& out) override;
  Task<Status> HalfDuplexCall(Call& call, Reader<OutputRequest>& in, Writer<OutputResponse>& out) override;
};

}  // namespace ringrpc::interop
