// grpcpp_server: grpc.testing.TestService on Debian's grpc++, to test our client.
//
//   grpcpp_server            listens on a free port of 127.0.0.1 and prints "ready on 127.0.0.1:40123"
//
// SIGTERM ends it.
#include <chrono>
#include <csignal>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "grpc/testing/test.grpc.pb.h"
#include "interop/grpcpp_peer.h"
#include "interop/payload.h"

namespace ringrpc::interop {
namespace {

using grpc::ServerContext;
using grpc::Status;
using grpc::StatusCode;
using grpc::testing::StreamingOutputCallRequest;
using grpc::testing::StreamingOutputCallResponse;

template <class Request>
Status check_compression(const ServerContext& context, const Request& request) {
  const bool compressed = grpc::testing::InteropServerContextInspector::message_compressed(context);
  if (!request.has_expect_compressed() || request.expect_compressed().value() == compressed)
    return Status::OK;
  return Status(StatusCode::INVALID_ARGUMENT, "the request is not compressed as it expects to be");
}

template <class Request>
Status wanted_status(const Request& request) {
  const auto& wanted = request.response_status();
  return Status(static_cast<StatusCode>(wanted.code()), wanted.message());
}

void echo_metadata(ServerContext& context) {
  for (const auto& [name, value] : context.client_metadata()) {
    const std::string text(value.data(), value.size());
    if (name == echo_initial_name.data()) context.AddInitialMetadata(echo_initial_name.data(), text);
    if (name == echo_trailing_name.data()) context.AddTrailingMetadata(echo_trailing_name.data(), text);
  }
}

void choose_compression(ServerContext& context, const StreamingOutputCallRequest& request) {
  for (const auto& wanted : request.response_parameters())
    if (wanted.compressed().value()) context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
}

template <class Out>
void respond(const StreamingOutputCallRequest& request, Out& out) {
  for (const auto& wanted : request.response_parameters()) {
    std::this_thread::sleep_for(std::chrono::microseconds(wanted.interval_us()));
    StreamingOutputCallResponse response;
    *response.mutable_payload() = make_payload(wanted.size());
    grpc::WriteOptions options;
    if (!wanted.compressed().value()) options.set_no_compression();
    if (!out.Write(response, options)) return;
  }
}

class Service final : public grpc::testing::TestService::Service {
  Status EmptyCall(ServerContext*, const grpc::testing::Empty*, grpc::testing::Empty*) override {
    return Status::OK;
  }

  Status UnaryCall(ServerContext* context, const grpc::testing::SimpleRequest* request,
                   grpc::testing::SimpleResponse* response) override {
    echo_metadata(*context);
    if (Status status = wanted_status(*request); !status.ok()) return status;
    if (Status status = check_compression(*context, *request); !status.ok()) return status;
    if (request->response_compressed().value()) context->set_compression_algorithm(GRPC_COMPRESS_GZIP);
    *response->mutable_payload() = make_payload(request->response_size());
    return Status::OK;
  }

  Status StreamingOutputCall(ServerContext* context, const StreamingOutputCallRequest* request,
                             grpc::ServerWriter<StreamingOutputCallResponse>* out) override {
    choose_compression(*context, *request);
    respond(*request, *out);
    return Status::OK;
  }

  Status StreamingInputCall(ServerContext* context,
                            grpc::ServerReader<grpc::testing::StreamingInputCallRequest>* in,
                            grpc::testing::StreamingInputCallResponse* response) override {
    std::size_t bytes = 0;
    for (grpc::testing::StreamingInputCallRequest request; in->Read(&request);) {
      if (Status status = check_compression(*context, request); !status.ok()) return status;
      bytes += request.payload().body().size();
    }
    response->set_aggregated_payload_size(static_cast<std::int32_t>(bytes));
    return Status::OK;
  }

  Status FullDuplexCall(
      ServerContext* context,
      grpc::ServerReaderWriter<StreamingOutputCallResponse, StreamingOutputCallRequest>* stream) override {
    echo_metadata(*context);
    for (StreamingOutputCallRequest request; stream->Read(&request);) {
      if (Status status = wanted_status(request); !status.ok()) return status;
      respond(request, *stream);
    }
    return Status::OK;
  }
};

int run() {
  sigset_t ending;
  sigemptyset(&ending);
  sigaddset(&ending, SIGTERM);
  sigprocmask(SIG_BLOCK, &ending, nullptr);  // before grpc++ starts threads, which inherit the mask
  Service service;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (!server) return 1;
  std::fprintf(stderr, "ready on 127.0.0.1:%d\n", port);
  int signal = 0;
  sigwait(&ending, &signal);
  server->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(5));
  return 0;
}

}  // namespace
}  // namespace ringrpc::interop

int main() { return ringrpc::interop::run(); }
