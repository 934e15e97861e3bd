#include "interop/client_cases.h"

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "ringrpc/sleep.h"

#include "interop/payload.h"
#include "interop/stalled_cases.h"

namespace ringrpc::interop {
namespace {

using namespace std::chrono_literals;
using grpc::testing::Empty;
using grpc::testing::Payload;
using grpc::testing::SimpleRequest;
using grpc::testing::SimpleResponse;
using grpc::testing::StreamingInputCallRequest;
using grpc::testing::StreamingInputCallResponse;
using grpc::testing::StreamingOutputCallRequest;
using grpc::testing::StreamingOutputCallResponse;
using grpc::testing::TestService;
using grpc::testing::UnimplementedService;

using DuplexCall = ClientStream<StreamingOutputCallRequest, StreamingOutputCallResponse>;

constexpr std::int32_t large_request_bytes = 271'828;
constexpr std::int32_t large_response_bytes = 314'159;
constexpr std::array<std::int32_t, 4> request_bytes{27'182, 8, 1'828, 45'904};
constexpr std::array<std::int32_t, 4> response_bytes{31'415, 9, 2'653, 58'979};

/// An error about a server that behaves differently from the descriptions.
Status wrong(std::string what) { return Status(Code::FAILED_PRECONDITION, std::move(what), Initiator::peer); }

Status expect_size(const Payload& payload, std::int32_t bytes) {
  if (payload.body().size() == static_cast<std::size_t>(bytes)) return {};
  return wrong("a payload has " + std::to_string(payload.body().size()) + " bytes, not " +
               std::to_string(bytes));
}

Status expect_code(const Status& status, Code code) {
  if (status.code() == code) return {};
  return wrong("the call ended with " + status.to_string() + ", not " + std::string(name(code)));
}

Status expect_status(const Status& status, Code code, std::string_view message) {
  if (status.code() == code && status.message() == message) return {};
  return wrong("the call ended with " + status.to_string() + ", not " +
               Status(code, std::string(message)).to_string());
}

Status expect_value(const Metadata& metadata, std::string_view name, std::string_view value) {
  std::size_t values = 0;
  for (const Metadata::Entry& entry : metadata) values += entry.name == name ? 1 : 0;
  if (values == 1 && metadata.find(name) == value) return {};
  return wrong(std::string(name) + " came back " + std::to_string(values) + " times, first as \"" +
               std::string(metadata.find(name).value_or("")) + "\"");
}

template <class T>
Status status_of(const Result<T>& result) {
  return result ? Status() : result.error();
}

StreamingOutputCallRequest output_request(std::int32_t request_size, std::int32_t response_size) {
  StreamingOutputCallRequest request;
  *request.mutable_payload() = make_payload(request_size);
  request.add_response_parameters()->set_size(response_size);
  return request;
}

/// Sends one request and reads the response to it.
Task<Status> exchange(DuplexCall& call, std::int32_t request_size, std::int32_t response_size) {
  const StreamingOutputCallRequest request = output_request(request_size, response_size);
  if (!co_await call.write(request)) co_return co_await call.finish();
  const std::optional<StreamingOutputCallResponse> response = co_await call.next();
  if (!response) {
    const Status status = co_await call.finish();
    co_return wrong("no response came, but " + status.to_string());
  }
  co_return expect_size(response->payload(), response_size);
}

/// Half-closes the call; the server must then end it without further responses.
Task<Status> end(DuplexCall& call) {
  call.writes_done();
  const std::optional<StreamingOutputCallResponse> more = co_await call.next();
  if (more) co_return wrong("a response came that was not asked for");
  co_return co_await call.finish();
}

Task<Status> empty_unary(Channel& channel) {
  const Result<Empty> response = co_await TestService::Stub(channel).EmptyCall(Empty());
  if (!response) co_return response.error();
  if (response->ByteSizeLong() != 0) co_return wrong("the empty message has content");
  co_return Status();
}

Task<Status> large_unary(Channel& channel) {
  return call_unary_with_payload(channel, large_request_bytes, large_response_bytes);
}

Task<Status> client_streaming(Channel& channel) {
  auto call = TestService::Stub(channel).StreamingInputCall();
  std::int32_t sum = 0;
  for (const std::int32_t bytes : request_bytes) {
    StreamingInputCallRequest request;
    *request.mutable_payload() = make_payload(bytes);
    if (!co_await call.write(request)) break;
    sum += bytes;
  }
  const Result<StreamingInputCallResponse> response = co_await call.finish();
  if (!response) co_return response.error();
  if (response->aggregated_payload_size() != sum)
    co_return wrong("the server counted " + std::to_string(response->aggregated_payload_size()) +
                    " bytes of " + std::to_string(sum));
  co_return Status();
}

Task<Status> server_streaming(Channel& channel) {
  StreamingOutputCallRequest request;
  for (const std::int32_t bytes : response_bytes) request.add_response_parameters()->set_size(bytes);
  auto call = TestService::Stub(channel).StreamingOutputCall(request);
  std::size_t responses = 0;
  while (const std::optional<StreamingOutputCallResponse> response = co_await call.next()) {
    if (responses == response_bytes.size()) co_return wrong("more responses came than were asked for");
    if (Status status = expect_size(response->payload(), response_bytes[responses++]); !status.ok())
      co_return status;
  }
  Status status = co_await call.finish();
  if (!status.ok()) co_return status;
  if (responses != response_bytes.size())
    co_return wrong("only " + std::to_string(responses) + " responses came");
  co_return Status();
}

Task<Status> ping_pong(Channel& channel) {
  DuplexCall call = TestService::Stub(channel).FullDuplexCall();
  for (std::size_t i = 0; i < request_bytes.size(); ++i) {
    Status status = co_await exchange(call, request_bytes[i], response_bytes[i]);
    if (!status.ok()) co_return status;
  }
  co_return co_await end(call);
}

Task<Status> empty_stream(Channel& channel) {
  DuplexCall call = TestService::Stub(channel).FullDuplexCall();
  co_return co_await end(call);
}

Task<Status> timeout_on_sleeping_server(Channel& channel) {
  DuplexCall call = TestService::Stub(channel).FullDuplexCall({.timeout = 1ms});
  const StreamingOutputCallRequest request = output_request(request_bytes[0], 1);
  co_await call.write(request);
  co_await call.next();  // lets the server act while the requests stay open
  while (co_await call.next()) {
  }
  const Status status = co_await call.finish();
  co_return expect_code(status, Code::DEADLINE_EXCEEDED);
}

Task<Status> cancel_after_begin(Channel& channel) {
  // The first call makes the connection, so that the next one's headers leave at once.
  Status connected = co_await empty_unary(channel);
  if (!connected.ok()) co_return connected;
  auto call = TestService::Stub(channel).StreamingInputCall();
  co_await sleep_for(10ms);
  call.cancel();
  const Result<StreamingInputCallResponse> response = co_await call.finish();
  co_return expect_code(status_of(response), Code::CANCELLED);
}

Task<Status> cancel_after_first_response(Channel& channel) {
  DuplexCall call = TestService::Stub(channel).FullDuplexCall();
  Status first = co_await exchange(call, request_bytes[0], response_bytes[0]);
  if (!first.ok()) co_return first;
  call.cancel();
  const std::optional<StreamingOutputCallResponse> more = co_await call.next();
  if (more) co_return wrong("a response came after the call was cancelled");
  const Status status = co_await call.finish();
  co_return expect_code(status, Code::CANCELLED);
}

Task<Status> status_code_and_message(Channel& channel) {
  constexpr std::string_view message = "test status message";
  SimpleRequest request;
  request.mutable_response_status()->set_code(static_cast<int>(Code::UNKNOWN));
  request.mutable_response_status()->set_message(std::string(message));
  const Result<SimpleResponse> response = co_await TestService::Stub(channel).UnaryCall(request);
  if (Status status = expect_status(status_of(response), Code::UNKNOWN, message); !status.ok())
    co_return status;

  DuplexCall call = TestService::Stub(channel).FullDuplexCall();
  StreamingOutputCallRequest streamed;
  *streamed.mutable_response_status() = request.response_status();
  co_await call.write(streamed);
  const Status status = co_await end(call);
  co_return expect_status(status, Code::UNKNOWN, message);
}

Task<Status> special_status_message(Channel& channel) {
  constexpr std::string_view message = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n";
  SimpleRequest request;
  request.mutable_response_status()->set_code(static_cast<int>(Code::UNKNOWN));
  request.mutable_response_status()->set_message(std::string(message));
  const Result<SimpleResponse> response = co_await TestService::Stub(channel).UnaryCall(request);
  co_return expect_status(status_of(response), Code::UNKNOWN, message);
}

Task<Status> custom_metadata(Channel& channel) {
  constexpr std::string_view initial = "test_initial_metadata_value";
  constexpr std::string_view trailing = "\x0a\x0b\x0a\x0b\x0a\x0b";
  const auto expect_echo = [&](const Metadata& headers, const Metadata& trailers) {
    Status status = expect_value(headers, echo_initial_name, initial);
    return status.ok() ? expect_value(trailers, echo_trailing_name, trailing) : status;
  };
  CallOptions options;
  if (Status status = options.metadata.add(echo_initial_name, initial); !status.ok()) co_return status;
  if (Status status = options.metadata.add(echo_trailing_name, trailing); !status.ok()) co_return status;

  SimpleRequest request;
  request.set_response_size(1);
  *request.mutable_payload() = make_payload(1);
  const CallResult<SimpleResponse> response = co_await TestService::Stub(channel).UnaryCall(request, options);
  if (!response) co_return response.error();
  if (Status status = expect_echo(response.metadata.initial, response.metadata.trailing); !status.ok())
    co_return status;

  DuplexCall call = TestService::Stub(channel).FullDuplexCall(options);
  Status exchanged = co_await exchange(call, 1, 1);
  if (!exchanged.ok()) co_return exchanged;
  Status ended = co_await end(call);
  if (!ended.ok()) co_return ended;
  co_return expect_echo(co_await call.initial_metadata(), call.trailing_metadata());
}

Task<Status> unimplemented_method(Channel& channel) {
  const Result<Empty> response = co_await TestService::Stub(channel).UnimplementedCall(Empty());
  co_return expect_code(status_of(response), Code::UNIMPLEMENTED);
}

Task<Status> unimplemented_service(Channel& channel) {
  const Result<Empty> response = co_await UnimplementedService::Stub(channel).UnimplementedCall(Empty());
  co_return expect_code(status_of(response), Code::UNIMPLEMENTED);
}

Status expect_compressed(bool compressed, bool wanted) {
  if (compressed == wanted) return {};
  return wrong(wanted ? "a response is uncompressed, although the request asked for compression"
                      : "a response is compressed, although the request excluded compression");
}

Task<Status> unary_with_compression(Channel& channel, Compression compression, bool expected) {
  SimpleRequest request;
  request.set_response_size(large_response_bytes);
  *request.mutable_payload() = make_payload(large_request_bytes);
  request.mutable_expect_compressed()->set_value(expected);
  CallOptions options;
  options.compression = compression;
  const Result<SimpleResponse> response =
      co_await TestService::Stub(channel).UnaryCall(std::move(request), options);
  if (!response) co_return response.error();
  co_return expect_size(response->payload(), large_response_bytes);
}

Task<Status> client_compressed_unary(Channel& channel) {
  // A server that ignores compression would pass the other checks.
  const Status probe = co_await unary_with_compression(channel, Compression::identity, true);
  if (Status status = expect_code(probe, Code::INVALID_ARGUMENT); !status.ok()) co_return status;
  Status compressed = co_await unary_with_compression(channel, Compression::gzip, true);
  if (!compressed.ok()) co_return compressed;
  co_return co_await unary_with_compression(channel, Compression::identity, false);
}

Task<Status> client_compressed_streaming(Channel& channel) {
  StreamingInputCallRequest compressed;
  *compressed.mutable_payload() = make_payload(27'182);
  compressed.mutable_expect_compressed()->set_value(true);
  StreamingInputCallRequest plain;
  *plain.mutable_payload() = make_payload(45'904);
  plain.mutable_expect_compressed()->set_value(false);

  auto probe = TestService::Stub(channel).StreamingInputCall();
  co_await probe.write(compressed);
  const Result<StreamingInputCallResponse> refused = co_await probe.finish();
  if (Status status = expect_code(status_of(refused), Code::INVALID_ARGUMENT); !status.ok()) co_return status;

  auto call = TestService::Stub(channel).StreamingInputCall({.compression = Compression::gzip});
  co_await call.write(compressed);
  co_await call.write(plain, {.compress = false});
  const Result<StreamingInputCallResponse> response = co_await call.finish();
  if (!response) co_return response.error();
  if (response->aggregated_payload_size() != 27'182 + 45'904)
    co_return wrong("the server counted " + std::to_string(response->aggregated_payload_size()) + " bytes");
  co_return Status();
}

Task<Status> server_compressed_unary(Channel& channel) {
  for (const bool compressed : {true, false}) {
    SimpleRequest request;
    request.set_response_size(large_response_bytes);
    *request.mutable_payload() = make_payload(large_request_bytes);
    request.mutable_response_compressed()->set_value(compressed);
    const CallResult<SimpleResponse> response =
        co_await TestService::Stub(channel).UnaryCall(std::move(request));
    if (!response) co_return response.error();
    if (Status status = expect_compressed(response.metadata.compressed, compressed); !status.ok())
      co_return status;
    if (Status status = expect_size(response->payload(), large_response_bytes); !status.ok())
      co_return status;
  }
  co_return Status();
}

Task<Status> server_compressed_streaming(Channel& channel) {
  constexpr std::array<std::pair<bool, std::int32_t>, 2> wanted{{{true, 31'415}, {false, 92'653}}};
  StreamingOutputCallRequest request;
  for (const auto& [compressed, bytes] : wanted) {
    grpc::testing::ResponseParameters& response = *request.add_response_parameters();
    response.set_size(bytes);
    response.mutable_compressed()->set_value(compressed);
  }
  auto call = TestService::Stub(channel).StreamingOutputCall(request);
  for (const auto& [compressed, bytes] : wanted) {
    const std::optional<StreamingOutputCallResponse> response = co_await call.next();
    if (!response) {
      const Status status = co_await call.finish();
      co_return wrong("a response is missing: " + status.to_string());
    }
    if (Status status = expect_compressed(call.message_compressed(), compressed); !status.ok())
      co_return status;
    if (Status status = expect_size(response->payload(), bytes); !status.ok()) co_return status;
  }
  const std::optional<StreamingOutputCallResponse> more = co_await call.next();
  if (more) co_return wrong("more responses came than were asked for");
  co_return co_await call.finish();
}

constexpr ClientCase cases[] = {
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
    {"client_compressed_unary", client_compressed_unary},
    {"client_compressed_streaming", client_compressed_streaming},
    {"server_compressed_unary", server_compressed_unary},
    {"server_compressed_streaming", server_compressed_streaming},
    {"upload_to_stalled_reader", upload_to_stalled_reader},
    {"download_by_stalled_reader", download_by_stalled_reader},
};

}  // namespace

std::span<const ClientCase> client_cases() noexcept { return cases; }

Task<Status> call_unary_with_payload(Channel& channel, std::int32_t request_size,
                                     std::int32_t response_size) {
  SimpleRequest request;
  request.set_response_size(response_size);
  *request.mutable_payload() = make_payload(request_size);
  const Result<SimpleResponse> response = co_await TestService::Stub(channel).UnaryCall(std::move(request));
  if (!response) co_return response.error();
  co_return expect_size(response->payload(), response_size);
}

}  // namespace ringrpc::interop
