// grpcpp_client: gRPC's interop test cases on Debian's grpc++, to test our server. The cases of compression
// are here, the others in grpcpp_cases.h.
//
//   grpcpp_client 127.0.0.1:10000 client_compressed_unary
//
// Exits with 0 if the server behaved as the case demands. Otherwise it exits with 1 and prints what the
// server did.
#include <cstdint>
#include <cstdio>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "grpc/testing/test.grpc.pb.h"
#include "interop/grpcpp_cases.h"
#include "interop/grpcpp_peer.h"
#include "interop/payload.h"

namespace ringrpc::interop {
namespace {

using grpc::ClientContext;
using grpc::Status;
using grpc::StatusCode;
using grpc::testing::InteropClientContextInspector;
using grpc::testing::TestService;

Status expect_refusal(const Status& status) {
  if (status.error_code() == StatusCode::INVALID_ARGUMENT) return Status::OK;
  return wrong("a request that is not compressed as it says was not refused: " + status.error_message());
}

Status unary(TestService::Stub& stub, grpc_compression_algorithm compression, bool expect_compressed) {
  grpc::testing::SimpleRequest request;
  request.set_response_size(314'159);
  *request.mutable_payload() = make_payload(271'828);
  request.mutable_expect_compressed()->set_value(expect_compressed);
  ClientContext context;
  context.set_compression_algorithm(compression);
  grpc::testing::SimpleResponse response;
  const Status status = stub.UnaryCall(&context, request, &response);
  if (status.ok() && response.payload().body().size() != 314'159)
    return wrong("the response is of another size");
  return status;
}

Status client_compressed_unary(Target& target) {
  if (Status status = expect_refusal(unary(*target.stub, GRPC_COMPRESS_NONE, true)); !status.ok())
    return status;
  if (Status status = unary(*target.stub, GRPC_COMPRESS_GZIP, true); !status.ok()) return status;
  return unary(*target.stub, GRPC_COMPRESS_NONE, false);
}

/// Sends two requests that state whether they are compressed. The second is not compressed.
Status stream_requests(TestService::Stub& stub, grpc_compression_algorithm compression) {
  ClientContext context;
  context.set_compression_algorithm(compression);
  grpc::testing::StreamingInputCallResponse response;
  const auto out = stub.StreamingInputCall(&context, &response);
  for (const auto& [compressed, bytes] : {std::pair{true, 27'182}, std::pair{false, 45'904}}) {
    grpc::testing::StreamingInputCallRequest request;
    *request.mutable_payload() = make_payload(bytes);
    request.mutable_expect_compressed()->set_value(compressed);
    grpc::WriteOptions options;
    if (!compressed) options.set_no_compression();
    if (!out->Write(request, options)) break;
  }
  out->WritesDone();
  const Status status = out->Finish();
  if (status.ok() && response.aggregated_payload_size() != 73'086)
    return wrong("the server counted otherwise");
  return status;
}

Status client_compressed_streaming(Target& target) {
  if (Status status = expect_refusal(stream_requests(*target.stub, GRPC_COMPRESS_NONE)); !status.ok())
    return status;
  return stream_requests(*target.stub, GRPC_COMPRESS_GZIP);
}

Status server_compressed_unary(Target& target) {
  for (const bool compressed : {true, false}) {
    grpc::testing::SimpleRequest request;
    request.set_response_size(314'159);
    *request.mutable_payload() = make_payload(271'828);
    request.mutable_response_compressed()->set_value(compressed);
    ClientContext context;
    grpc::testing::SimpleResponse response;
    if (Status status = target.stub->UnaryCall(&context, request, &response); !status.ok()) return status;
    if (InteropClientContextInspector::message_compressed(context) != compressed)
      return wrong("the response is not compressed as requested");
    if (response.payload().body().size() != 314'159) return wrong("the response is of another size");
  }
  return Status::OK;
}

Status server_compressed_streaming(Target& target) {
  grpc::testing::StreamingOutputCallRequest request;
  for (const auto& [compressed, bytes] : {std::pair{true, 31'415}, std::pair{false, 92'653}}) {
    request.add_response_parameters()->set_size(bytes);
    request.mutable_response_parameters()->rbegin()->mutable_compressed()->set_value(compressed);
  }
  ClientContext context;
  const auto in = target.stub->StreamingOutputCall(&context, request);
  for (const auto& wanted : request.response_parameters()) {
    grpc::testing::StreamingOutputCallResponse response;
    if (!in->Read(&response)) return in->Finish();
    if (InteropClientContextInspector::message_compressed(context) != wanted.compressed().value())
      return wrong("a response is not compressed as requested");
    if (response.payload().body().size() != static_cast<std::size_t>(wanted.size()))
      return wrong("a response is of another size");
  }
  grpc::testing::StreamingOutputCallResponse more;
  if (in->Read(&more)) return wrong("more responses came than were asked for");
  return in->Finish();
}

constexpr Case compression_cases[] = {
    {"client_compressed_unary", client_compressed_unary},
    {"client_compressed_streaming", client_compressed_streaming},
    {"server_compressed_unary", server_compressed_unary},
    {"server_compressed_streaming", server_compressed_streaming},
};

int run(const std::string& address, std::string_view wanted) {
  Target target(address);
  for (const std::span<const Case> cases : {call_cases(), std::span<const Case>(compression_cases)}) {
    for (const Case& each : cases) {
      if (each.name != wanted) continue;
      const Status status = each.run(target);
      if (status.ok()) return 0;
      std::fprintf(stderr, "grpcpp_client: %d: %s\n", status.error_code(), status.error_message().c_str());
      return 1;
    }
  }
  std::fputs("grpcpp_client: no such case\n", stderr);
  return 1;
}

}  // namespace
}  // namespace ringrpc::interop

int main(int count, char** arguments) {
  return count == 3 ? ringrpc::interop::run(arguments[1], arguments[2]) : 2;
}
