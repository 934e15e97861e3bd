#include "interop/grpcpp_cases.h"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>

#include "interop/payload.h"

namespace ringrpc::interop {
namespace {

using grpc::ClientContext;
using grpc::Status;
using grpc::StatusCode;
using grpc::testing::Empty;
using grpc::testing::SimpleRequest;
using grpc::testing::SimpleResponse;
using grpc::testing::StreamingInputCallRequest;
using grpc::testing::StreamingInputCallResponse;
using grpc::testing::StreamingOutputCallRequest;
using grpc::testing::StreamingOutputCallResponse;
using grpc::testing::TestService;
using grpc::testing::UnimplementedService;

using Duplex = grpc::ClientReaderWriter<StreamingOutputCallRequest, StreamingOutputCallResponse>;
using Received = std::multimap<grpc::string_ref, grpc::string_ref>;

constexpr std::array<std::int32_t, 4> request_bytes{27'182, 8, 1'828, 45'904};
constexpr std::array<std::int32_t, 4> response_bytes{31'415, 9, 2'653, 58'979};
constexpr int soak_iterations = 100;

/// Gives each channel a connection of its own; by default grpc++ shares connections to one address.
std::shared_ptr<grpc::Channel> connect(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

std::string told(const Status& status) {
  return std::to_string(status.error_code()) + ": " + status.error_message();
}

Status expect(const Status& status, StatusCode code) {
  return status.error_code() == code ? Status::OK : wrong("the call ended with " + told(status));
}

Status expect(const Status& status, StatusCode code, const std::string& message) {
  return status.error_message() == message ? expect(status, code)
                                           : wrong("the call ended with " + told(status));
}

Status expect_size(const grpc::testing::Payload& payload, std::int32_t bytes) {
  if (payload.body().size() == static_cast<std::size_t>(bytes)) return Status::OK;
  return wrong("a payload has " + std::to_string(payload.body().size()) + " bytes, not " +
               std::to_string(bytes));
}

Status expect_value(const Received& metadata, std::string_view name, std::string_view value) {
  const grpc::string_ref key(name.data(), name.size());
  const auto found = metadata.find(key);
  if (metadata.count(key) == 1 && found->second == grpc::string_ref(value.data(), value.size()))
    return Status::OK;
  return wrong(std::string(name) + " came back " + std::to_string(metadata.count(key)) +
               " times, or as something else");
}

StreamingOutputCallRequest output_request(std::int32_t request_size, std::int32_t response_size) {
  StreamingOutputCallRequest request;
  *request.mutable_payload() = make_payload(request_size);
  request.add_response_parameters()->set_size(response_size);
  return request;
}

/// Sends one request and reads the response to it.
Status exchange(Duplex& call, std::int32_t request_size, std::int32_t response_size) {
  if (!call.Write(output_request(request_size, response_size))) return call.Finish();
  StreamingOutputCallResponse response;
  if (!call.Read(&response)) return wrong("no response came, but " + told(call.Finish()));
  return expect_size(response.payload(), response_size);
}

/// Half-closes the call; the server must then end it without further responses.
Status end(Duplex& call) {
  call.WritesDone();
  StreamingOutputCallResponse more;
  if (call.Read(&more)) return wrong("a response came that was not asked for");
  return call.Finish();
}

Status empty_unary(Target& target) {
  ClientContext context;
  Empty response;
  const Status status = target.stub->EmptyCall(&context, Empty(), &response);
  return status.ok() && response.ByteSizeLong() != 0 ? wrong("the empty message has content") : status;
}

Status call_with_payload(TestService::Stub& stub) {
  SimpleRequest request;
  request.set_response_size(314'159);
  *request.mutable_payload() = make_payload(271'828);
  ClientContext context;
  SimpleResponse response;
  const Status status = stub.UnaryCall(&context, request, &response);
  return status.ok() ? expect_size(response.payload(), 314'159) : status;
}

Status large_unary(Target& target) { return call_with_payload(*target.stub); }

Status client_streaming(Target& target) {
  ClientContext context;
  StreamingInputCallResponse response;
  const auto out = target.stub->StreamingInputCall(&context, &response);
  std::int32_t sum = 0;
  for (const std::int32_t bytes : request_bytes) {
    StreamingInputCallRequest request;
    *request.mutable_payload() = make_payload(bytes);
    if (!out->Write(request)) break;
    sum += bytes;
  }
  out->WritesDone();
  const Status status = out->Finish();
  if (status.ok() && response.aggregated_payload_size() != sum)
    return wrong("the server counted " + std::to_string(response.aggregated_payload_size()) + " bytes of " +
                 std::to_string(sum));
  return status;
}

Status server_streaming(Target& target) {
  StreamingOutputCallRequest request;
  for (const std::int32_t bytes : response_bytes) request.add_response_parameters()->set_size(bytes);
  ClientContext context;
  const auto in = target.stub->StreamingOutputCall(&context, request);
  std::size_t responses = 0;
  for (StreamingOutputCallResponse response; in->Read(&response); ++responses) {
    if (responses == response_bytes.size()) return wrong("more responses came than were asked for");
    const Status status = expect_size(response.payload(), response_bytes[responses]);
    if (!status.ok()) return status;
  }
  const Status status = in->Finish();
  if (status.ok() && responses != response_bytes.size())
    return wrong("only " + std::to_string(responses) + " responses came");
  return status;
}

Status ping_pong(Target& target) {
  ClientContext context;
  const auto call = target.stub->FullDuplexCall(&context);
  for (std::size_t at = 0; at < request_bytes.size(); ++at) {
    const Status status = exchange(*call, request_bytes[at], response_bytes[at]);
    if (!status.ok()) return status;
  }
  return end(*call);
}

Status empty_stream(Target& target) {
  ClientContext context;
  return end(*target.stub->FullDuplexCall(&context));
}

Status timeout_on_sleeping_server(Target& target) {
  ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(1));
  const auto call = target.stub->FullDuplexCall(&context);
  (void)call->Write(output_request(request_bytes[0], 1));
  for (StreamingOutputCallResponse response; call->Read(&response);) {  // the requests stay open
  }
  return expect(call->Finish(), StatusCode::DEADLINE_EXCEEDED);
}

Status cancel_after_begin(Target& target) {
  ClientContext context;
  StreamingInputCallResponse response;
  const auto out = target.stub->StreamingInputCall(&context, &response);
  context.TryCancel();
  return expect(out->Finish(), StatusCode::CANCELLED);
}

Status cancel_after_first_response(Target& target) {
  ClientContext context;
  const auto call = target.stub->FullDuplexCall(&context);
  const Status first = exchange(*call, request_bytes[0], response_bytes[0]);
  if (!first.ok()) return first;
  context.TryCancel();
  return expect(call->Finish(), StatusCode::CANCELLED);
}

Status status_code_and_message(Target& target) {
  const std::string message = "test status message";
  SimpleRequest request;
  request.mutable_response_status()->set_code(StatusCode::UNKNOWN);
  request.mutable_response_status()->set_message(message);
  ClientContext unary_context;
  SimpleResponse response;
  const Status unary = target.stub->UnaryCall(&unary_context, request, &response);
  if (Status status = expect(unary, StatusCode::UNKNOWN, message); !status.ok()) return status;

  ClientContext duplex_context;
  const auto call = target.stub->FullDuplexCall(&duplex_context);
  StreamingOutputCallRequest streamed;
  *streamed.mutable_response_status() = request.response_status();
  (void)call->Write(streamed);
  return expect(end(*call), StatusCode::UNKNOWN, message);
}

Status special_status_message(Target& target) {
  const std::string message = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n";
  SimpleRequest request;
  request.mutable_response_status()->set_code(StatusCode::UNKNOWN);
  request.mutable_response_status()->set_message(message);
  ClientContext context;
  SimpleResponse response;
  return expect(target.stub->UnaryCall(&context, request, &response), StatusCode::UNKNOWN, message);
}

constexpr std::string_view initial_value = "test_initial_metadata_value";
constexpr std::string_view trailing_value = "\x0a\x0b\x0a\x0b\x0a\x0b";

void add_metadata(ClientContext& context) {
  context.AddMetadata(std::string(echo_initial_name), std::string(initial_value));
  context.AddMetadata(std::string(echo_trailing_name), std::string(trailing_value));
}

Status expect_echo(const ClientContext& context) {
  const Status status = expect_value(context.GetServerInitialMetadata(), echo_initial_name, initial_value);
  return status.ok() ? expect_value(context.GetServerTrailingMetadata(), echo_trailing_name, trailing_value)
                     : status;
}

Status custom_metadata(Target& target) {
  ClientContext unary_context;
  add_metadata(unary_context);
  SimpleRequest request;
  request.set_response_size(1);
  *request.mutable_payload() = make_payload(1);
  SimpleResponse response;
  Status status = target.stub->UnaryCall(&unary_context, request, &response);
  if (status.ok()) status = expect_echo(unary_context);
  if (!status.ok()) return status;

  ClientContext duplex_context;
  add_metadata(duplex_context);
  const auto call = target.stub->FullDuplexCall(&duplex_context);
  status = exchange(*call, 1, 1);
  if (status.ok()) status = end(*call);
  return status.ok() ? expect_echo(duplex_context) : status;
}

Status unimplemented_method(Target& target) {
  ClientContext context;
  Empty response;
  return expect(target.stub->UnimplementedCall(&context, Empty(), &response), StatusCode::UNIMPLEMENTED);
}

Status unimplemented_service(Target& target) {
  ClientContext context;
  Empty response;
  const auto stub = UnimplementedService::NewStub(target.channel);
  return expect(stub->UnimplementedCall(&context, Empty(), &response), StatusCode::UNIMPLEMENTED);
}

Status rpc_soak(Target& target) {
  Status status;
  for (int call = 0; call < soak_iterations && status.ok(); ++call) status = call_with_payload(*target.stub);
  return status;
}

Status channel_soak(Target& target) {
  Status status;
  for (int call = 0; call < soak_iterations && status.ok(); ++call)
    status = call_with_payload(*Target(target.address).stub);
  return status;
}

constexpr Case cases[] = {
    {"empty_unary", empty_unary},
    {"large_unary", large_unary},
    {"client_streaming", client_streaming},
    {"server_streaming", server_streaming},
    {"ping_pong", ping_pong},
    {"empty_stream", empty_stream},
    {"timeout_on_sleeping_server", timeout_on_sleeping_server},
    {"cancel_after_begin", cancel_after_begin},
    {"cancel_after_first_response", cancel_after_first_response},
    {"status_code_and_message", status_code_and_message},
    {"special_status_message", special_status_message},
    {"custom_metadata", custom_metadata},
    {"unimplemented_method", unimplemented_method},
    {"unimplemented_service", unimplemented_service},
    {"rpc_soak", rpc_soak},
    {"channel_soak", channel_soak},
};

}  // namespace

Target::Target(std::string where)
    : address(std::move(where)), channel(connect(address)), stub(TestService::NewStub(channel)) {}

std::span<const Case> call_cases() { return cases; }

}  // namespace ringrpc::interop
