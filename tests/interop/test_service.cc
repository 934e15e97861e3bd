#include "interop/test_service.h"

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ringrpc/sleep.h"

#include "interop/payload.h"

namespace ringrpc::interop {
namespace {

constexpr std::int32_t response_bytes_max = 64 * 1024 * 1024;

/// Returns the metadata of the custom_metadata case.
Status echo_metadata(Call& call) {
  if (const auto initial = call.metadata().find(echo_initial_name)) {
    if (Status status = call.initial_metadata().add(echo_initial_name, *initial); !status.ok()) return status;
  }
  if (const auto trailing = call.metadata().find(echo_trailing_name))
    return call.trailing_metadata().add(echo_trailing_name, *trailing);
  return {};
}

/// The status that a request wants for the call; OK if it wants none.
template <class Request>
Status wanted_status(const Request& request) {
  const grpc::testing::EchoStatus& wanted = request.response_status();
  if (wanted.code() == 0) return {};
  const std::optional<Code> code = code_from_number(static_cast<std::uint32_t>(wanted.code()));
  return Status(code.value_or(Code::UNKNOWN), wanted.message());
}

Status check_size(std::int32_t bytes) {
  if (bytes >= 0 && bytes <= response_bytes_max) return {};
  return Status(Code::INVALID_ARGUMENT, "the size of a response must be within 0 and " +
                                            std::to_string(response_bytes_max) + ", not " +
                                            std::to_string(bytes));
}

/// Checks that the last request was compressed as its field `expect_compressed` says, if it has that.
template <class Request>
Status check_compression(const Call& call, const Request& request) {
  const bool compressed = call.message_compression() != Compression::identity;
  if (!request.has_expect_compressed() || request.expect_compressed().value() == compressed) return {};
  return Status(Code::INVALID_ARGUMENT, compressed ? "the request is compressed and expects not to be"
                                                   : "the request is not compressed and expects to be");
}

/// Turns on compression if any response must be compressed; `write` then excludes the others.
void choose_compression(Call& call, const TestService::OutputRequest& request) {
  for (const grpc::testing::ResponseParameters& wanted : request.response_parameters())
    if (wanted.compressed().value()) call.set_compression(Compression::gzip);
}

Task<Status> respond(const TestService::OutputRequest& request, Writer<TestService::OutputResponse>& out) {
  for (const grpc::testing::ResponseParameters& wanted : request.response_parameters()) {
    if (Status status = check_size(wanted.size()); !status.ok()) co_return status;
    co_await sleep_for(std::chrono::microseconds(wanted.interval_us()));
    TestService::OutputResponse response;
    *response.mutable_payload() = make_payload(wanted.size());
    if (!co_await out.write(response, {.compress = wanted.compressed().value()}))
      co_return Status(Code::CANCELLED, "the caller takes no more responses");
  }
  co_return Status();
}

}  // namespace

Task<Result<TestService::Empty>> TestService::EmptyCall(Call&, Empty) { co_return Empty(); }

Task<Result<TestService::SimpleResponse>> TestService::UnaryCall(Call& call, SimpleRequest request) {
  if (Status status = echo_metadata(call); !status.ok()) co_return std::unexpected(std::move(status));
  if (Status status = wanted_status(request); !status.ok()) co_return std::unexpected(std::move(status));
  if (Status status = check_compression(call, request); !status.ok())
    co_return std::unexpected(std::move(status));
  if (Status status = check_size(request.response_size()); !status.ok())
    co_return std::unexpected(std::move(status));
  if (request.response_compressed().value()) call.set_compression(Compression::gzip);
  SimpleResponse response;
  *response.mutable_payload() = make_payload(request.response_size());
  co_return response;
}

Task<Result<TestService::SimpleResponse>> TestService::CacheableUnaryCall(Call& call, SimpleRequest request) {
  return UnaryCall(call, std::move(request));
}

Task<Status> TestService::StreamingOutputCall(Call& call, OutputRequest request,
                                              Writer<OutputResponse>& out) {
  choose_compression(call, request);
  co_return co_await respond(request, out);
}

Task<Result<TestService::InputResponse>> TestService::StreamingInputCall(Call& call,
                                                                         Reader<InputRequest>& in) {
  std::size_t bytes = 0;
  while (const std::optional<InputRequest> request = co_await in.next()) {
    if (Status status = check_compression(call, *request); !status.ok())
      co_return std::unexpected(std::move(status));
    bytes += request->payload().body().size();
  }
  InputResponse response;
  response.set_aggregated_payload_size(static_cast<std::int32_t>(bytes));
  co_return response;
}

Task<Status> TestService::FullDuplexCall(Call& call, Reader<OutputRequest>& in, Writer<OutputResponse>& out) {
  if (Status status = echo_metadata(call); !status.ok()) co_return status;
  while (const std::optional<OutputRequest> request = co_await in.next()) {
    if (Status status = wanted_status(*request); !status.ok()) co_return status;
    choose_compression(call, *request);
    Status status = co_await respond(*request, out);
    if (!status.ok()) co_return status;
  }
  co_return Status();
}

Task<Status> TestService::HalfDuplexCall(Call& call, Reader<OutputRequest>& in, Writer<OutputResponse>& out) {
  std::vector<OutputRequest> requests;
  while (std::optional<OutputRequest> request = co_await in.next()) requests.push_back(std::move(*request));
  for (const OutputRequest& request : requests) choose_compression(call, request);
  for (const OutputRequest& request : requests) {
    Status status = co_await respond(request, out);
    if (!status.ok()) co_return status;
  }
  co_return Status();
}

}  // namespace ringrpc::interop
