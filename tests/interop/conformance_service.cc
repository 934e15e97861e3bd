#include "interop/conformance_service.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include "ringrpc/sleep.h"

namespace ringrpc::interop {
namespace {

using conformance::ConformancePayload;
using conformance::StreamResponseDefinition;
using conformance::UnaryResponseDefinition;
using RequestInfo = ConformancePayload::RequestInfo;
using Requests = std::vector<google::protobuf::Any>;
using std::chrono::milliseconds;

template <class Request>
google::protobuf::Any packed(const Request& request) {
  google::protobuf::Any any;
  any.PackFrom(request);
  return any;
}

void add_requests(const Requests& requests, RequestInfo& info) {
  for (const google::protobuf::Any& request : requests) *info.add_requests() = request;
}

RequestInfo describe(Call& call, const Requests& requests) {
  RequestInfo info;
  *info.mutable_request_headers() = to_headers(call.metadata());
  if (call.deadline() != never) {
    const auto left = std::chrono::duration_cast<milliseconds>(call.deadline() - call.now()).count();
    info.set_timeout_ms(std::max<std::int64_t>(left, 0));
  }
  add_requests(requests, info);
  return info;
}

/// Adds the metadata that the runner wants. Responses to a compressed request are compressed.
template <class Definition>
Status prepare(Call& call, const Definition& definition) {
  if (call.message_compression() != Compression::identity) call.set_compression(Compression::gzip);
  if (Status status = add_headers(definition.response_headers(), call.initial_metadata()); !status.ok())
    return status;
  return add_headers(definition.response_trailers(), call.trailing_metadata());
}

/// The status that the runner wants. Its last detail describes the received call.
Status failure(conformance::Error error, const RequestInfo& info) {
  error.add_details()->PackFrom(info);
  return to_status(error);
}

/// The response of a method with one response.
template <class Response>
Task<Result<Response>> answer_once(Call& call, UnaryResponseDefinition wanted, Requests requests) {
  if (Status status = prepare(call, wanted); !status.ok()) co_return std::unexpected(std::move(status));
  co_await sleep_for(milliseconds(wanted.response_delay_ms()));
  const RequestInfo info = describe(call, requests);
  if (wanted.has_error()) co_return std::unexpected(failure(wanted.error(), info));
  Response response;
  response.mutable_payload()->set_data(wanted.response_data());
  *response.mutable_payload()->mutable_request_info() = info;
  co_return response;
}

/// The responses of one call of a method that streams them.
template <class Response>
class Answers {
 public:
  Answers(Call& call, Writer<Response>& out) noexcept : call_(call), out_(out) {}

  /// Sends the headers at once, before any delay, because the caller may wait for them.
  Status begin(StreamResponseDefinition wanted) {
    wanted_ = std::move(wanted);
    if (Status status = prepare(call_, wanted_); !status.ok()) return status;
    call_.send_initial_metadata();
    return Status();
  }

  bool done() const noexcept { return sent_ == wanted_.response_data_size(); }

  /// Sends the next response. The first describes the whole call, later ones only new requests.
  Task<Status> send(Requests requests) {
    co_await sleep_for(milliseconds(wanted_.response_delay_ms()));
    Response response;
    response.mutable_payload()->set_data(wanted_.response_data(sent_));
    if (sent_ == 0) {
      *response.mutable_payload()->mutable_request_info() = describe(call_, requests);
    } else if (!requests.empty()) {
      add_requests(requests, *response.mutable_payload()->mutable_request_info());
    }
    ++sent_;
    if (!co_await out_.write(response)) co_return Status(Code::CANCELLED, "the call is over");
    co_return Status();
  }

  /// Sends the remaining responses and ends the call.
  Task<Status> finish(Requests requests) {
    while (!done()) {
      Status status = co_await send(std::exchange(requests, {}));
      if (!status.ok()) co_return status;
    }
    if (!wanted_.has_error()) co_return Status();
    co_return sent_ == 0 ? failure(wanted_.error(), describe(call_, requests)) : to_status(wanted_.error());
  }

 private:
  Call& call_;
  Writer<Response>& out_;
  StreamResponseDefinition wanted_;
  int sent_ = 0;
};

}  // namespace

Task<Result<conformance::UnaryResponse>> ConformanceService::Unary(Call& call,
                                                                   conformance::UnaryRequest request) {
  Requests requests{packed(request)};
  return answer_once<conformance::UnaryResponse>(call, request.response_definition(), std::move(requests));
}

Task<Result<conformance::IdempotentUnaryResponse>> ConformanceService::IdempotentUnary(
    Call& call, conformance::IdempotentUnaryRequest request) {
  Requests requests{packed(request)};
  return answer_once<conformance::IdempotentUnaryResponse>(call, request.response_definition(),
                                                           std::move(requests));
}

Task<Status> ConformanceService::ServerStream(Call& call, conformance::ServerStreamRequest request,
                                              Writer<conformance::ServerStreamResponse>& out) {
  Answers<conformance::ServerStreamResponse> answers(call, out);
  if (Status status = answers.begin(request.response_definition()); !status.ok()) co_return status;
  Requests requests{packed(request)};
  co_return co_await answers.finish(std::move(requests));
}

Task<Result<conformance::ClientStreamResponse>> ConformanceService::ClientStream(
    Call& call, Reader<conformance::ClientStreamRequest>& in) {
  UnaryResponseDefinition wanted;
  Requests requests;
  while (const std::optional<conformance::ClientStreamRequest> request = co_await in.next()) {
    if (requests.empty()) wanted = request->response_definition();
    requests.push_back(packed(*request));
  }
  Task<Result<conformance::ClientStreamResponse>> answer =
      answer_once<conformance::ClientStreamResponse>(call, std::move(wanted), std::move(requests));
  co_return co_await std::move(answer);
}

Task<Status> ConformanceService::BidiStream(Call& call, Reader<conformance::BidiStreamRequest>& in,
                                            Writer<conformance::BidiStreamResponse>& out) {
  Answers<conformance::BidiStreamResponse> answers(call, out);
  Requests requests;
  bool begun = false;
  bool full_duplex = false;
  while (const std::optional<conformance::BidiStreamRequest> request = co_await in.next()) {
    requests.push_back(packed(*request));
    if (!std::exchange(begun, true)) {
      full_duplex = request->full_duplex();
      if (Status status = answers.begin(request->response_definition()); !status.ok()) co_return status;
    }
    if (!full_duplex) continue;
    if (answers.done()) break;
    Status status = co_await answers.send(std::exchange(requests, {}));
    if (!status.ok()) co_return status;
  }
  co_return co_await answers.finish(std::move(requests));
}

}  // namespace ringrpc::interop
