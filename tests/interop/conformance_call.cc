#include "interop/conformance_call.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "ringrpc/sleep.h"

namespace ringrpc::interop {
namespace {

using conformance::ClientCompatRequest;
using conformance::ClientResponseResult;
using Cancel = ClientCompatRequest::Cancel;
using std::chrono::milliseconds;
/// All responses are the same on the wire: a message with a payload.
using Response = conformance::UnaryResponse;
using OneResponse = ClientWriter<RawMessage, Response>;
using ManyResponses = ClientStream<RawMessage, Response>;

MethodKind kind_of(conformance::StreamType type) {
  switch (type) {
    case conformance::STREAM_TYPE_CLIENT_STREAM:
      return MethodKind::client_streaming;
    case conformance::STREAM_TYPE_SERVER_STREAM:
      return MethodKind::server_streaming;
    case conformance::STREAM_TYPE_HALF_DUPLEX_BIDI_STREAM:
    case conformance::STREAM_TYPE_FULL_DUPLEX_BIDI_STREAM:
      return MethodKind::bidirectional;
    default:
      return MethodKind::unary;
  }
}

std::optional<Compression> compression_of(conformance::Compression compression) {
  switch (compression) {
    case conformance::COMPRESSION_UNSPECIFIED:
    case conformance::COMPRESSION_IDENTITY:
      return Compression::identity;
    case conformance::COMPRESSION_GZIP:
      return Compression::gzip;
    case conformance::COMPRESSION_DEFLATE:
      return Compression::deflate;
    case conformance::COMPRESSION_ZSTD:
      return Compression::zstd;
    default:
      return std::nullopt;
  }
}

bool cancels_before_end(const ClientCompatRequest& request) {
  return request.cancel().has_before_close_send();
}

/// The time between half-closing the call and cancelling it, or nothing if it must not be cancelled then.
std::optional<milliseconds> cancels_after_end(const ClientCompatRequest& request) {
  if (!request.has_cancel()) return std::nullopt;
  const Cancel& cancel = request.cancel();
  if (cancel.cancel_timing_case() == Cancel::kAfterCloseSendMs)
    return milliseconds(cancel.after_close_send_ms());
  if (cancel.cancel_timing_case() == Cancel::CANCEL_TIMING_NOT_SET) return milliseconds(0);
  return std::nullopt;
}

/// True if the call must be cancelled after this many responses.
bool cancels_after(const ClientCompatRequest& request, int responses) {
  return request.cancel().cancel_timing_case() == Cancel::kAfterNumResponses &&
         request.cancel().after_num_responses() == static_cast<std::uint32_t>(responses);
}

template <class Call>
Task<void> cancel_later(Call& call, milliseconds wait) {
  co_await sleep_for(wait);
  call.cancel();
}

/// Waits for the requested time and sends the next request. False if the call is over.
template <class Call>
Task<bool> send_next(Call& call, const ClientCompatRequest& request, ClientResponseResult& result) {
  const int next = request.request_messages_size() - result.num_unsent_requests();
  if (request.request_delay_ms() > 0) co_await sleep_for(milliseconds(request.request_delay_ms()));
  const RawMessage message(request.request_messages(next).value());
  if (!co_await call.write(message)) co_return false;
  result.set_num_unsent_requests(result.num_unsent_requests() - 1);
  co_return true;
}

void set_error(const Status& status, ClientResponseResult& result) {
  if (!status.ok()) *result.mutable_error() = to_error(status);
}

void set_headers(const Metadata& initial, const Metadata& trailing, ClientResponseResult& result) {
  *result.mutable_response_headers() = to_headers(initial);
  *result.mutable_response_trailers() = to_headers(trailing);
}

Task<void> call_for_one(OneResponse& call, const ClientCompatRequest& request, ClientResponseResult& result) {
  while (result.num_unsent_requests() > 0) {
    if (!co_await send_next(call, request, result)) break;
  }
  if (cancels_before_end(request)) call.cancel();
  Task<void> cancelling;
  if (const auto wait = cancels_after_end(request)) {
    cancelling = cancel_later(call, *wait);
    cancelling.start();
  }
  Task<CallResult<Response>> finishing = call.finish();
  const CallResult<Response> response = co_await std::move(finishing);
  set_headers(response.metadata.initial, response.metadata.trailing, result);
  if (response) {
    *result.add_payloads() = response->payload();
  } else {
    set_error(response.error(), result);
  }
}

Task<bool> read_next(ManyResponses& call, const ClientCompatRequest& request, ClientResponseResult& result) {
  std::optional<Response> response = co_await call.next();
  if (!response) co_return false;
  *result.add_payloads() = std::move(*response->mutable_payload());
  if (cancels_after(request, result.payloads_size())) call.cancel();
  co_return true;
}

Task<void> call_for_many(ManyResponses& call, const ClientCompatRequest& request,
                         ClientResponseResult& result) {
  const bool full_duplex = request.stream_type() == conformance::STREAM_TYPE_FULL_DUPLEX_BIDI_STREAM;
  while (result.num_unsent_requests() > 0) {
    if (!co_await send_next(call, request, result)) break;
    if (full_duplex && !co_await read_next(call, request, result)) break;
  }
  if (cancels_before_end(request)) {
    call.cancel();
  } else {
    call.writes_done();
  }
  Task<void> cancelling;
  if (const auto wait = cancels_after_end(request)) {
    cancelling = cancel_later(call, *wait);
    cancelling.start();
  }
  while (co_await read_next(call, request, result)) {
  }
  set_error(co_await call.finish(), result);
  set_headers(co_await call.initial_metadata(), call.trailing_metadata(), result);
}

}  // namespace

Task<Result<ClientResponseResult>> make_call(Channel& channel, const ClientCompatRequest& request) {
  const MethodKind kind = kind_of(request.stream_type());
  const std::string path = "/" + request.service() + "/" + request.method();
  CallOptions options;
  if (request.has_timeout_ms()) options.timeout = milliseconds(request.timeout_ms());
  const std::optional<Compression> compression = compression_of(request.compression());
  if (!compression) co_return fail(Code::UNIMPLEMENTED, "the library does not have this compression");
  options.compression = *compression;
  if (Status status = add_headers(request.request_headers(), options.metadata); !status.ok())
    co_return std::unexpected(std::move(status));

  ClientResponseResult result;
  result.set_num_unsent_requests(request.request_messages_size());
  if (kind == MethodKind::unary || kind == MethodKind::client_streaming) {
    OneResponse call(channel.call(path, kind, options));
    co_await call_for_one(call, request, result);
  } else {
    ManyResponses call(channel.call(path, kind, options));
    co_await call_for_many(call, request, result);
  }
  co_return result;
}

}  // namespace ringrpc::interop
