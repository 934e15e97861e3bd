// conformance_client: the client that connectconformance tests. It reads calls from standard input, makes
// them one after the other, and writes their results to standard output.
//
//   connectconformance --mode client --conf conformance.yaml -- conformance_client
#include <memory>
#include <string>
#include <utility>

#include "ringrpc/channel.h"

#include "interop/conformance_call.h"
#include "interop/program.h"

namespace ringrpc::interop {
namespace {

/// The reason why this client cannot make such a call, or OK.
Status check(const conformance::ClientCompatRequest& request) {
  if (request.protocol() != conformance::PROTOCOL_GRPC || request.codec() != conformance::CODEC_PROTO)
    return Status(Code::UNIMPLEMENTED, "this client speaks gRPC with protobuf");
  return {};
}

/// Null if the runner wants plaintext.
Result<std::shared_ptr<const ClientTls>> credentials(const conformance::ClientCompatRequest& request) {
  if (request.server_tls_cert().empty()) return nullptr;
  ClientTlsOptions options{.authorities = Pem::text(request.server_tls_cert())};
  if (request.has_client_tls_creds()) {
    options.certificate = Pem::text(request.client_tls_creds().cert());
    options.private_key = Pem::text(request.client_tls_creds().key());
  }
  return ClientTls::load(options);
}

Task<Status> answer(const conformance::ClientCompatRequest& request,
                    conformance::ClientCompatResponse& response) {
  if (Status status = check(request); !status.ok()) co_return status;
  ChannelOptions options;
  Result<std::shared_ptr<const ClientTls>> tls = credentials(request);
  if (!tls) co_return std::move(tls).error();
  options.tls = *tls;
  if (request.message_receive_limit() > 0) options.max_message_bytes = request.message_receive_limit();
  Channel channel(request.host() + ":" + std::to_string(request.port()), options);
  Task<Result<conformance::ClientResponseResult>> calling = make_call(channel, request);
  Result<conformance::ClientResponseResult> result = co_await std::move(calling);
  if (!result) co_return std::move(result).error();
  *response.mutable_response() = std::move(*result);
  co_return Status();
}

int run() {
  conformance::ClientCompatRequest request;
  while (read_compat(request)) {
    conformance::ClientCompatResponse response;
    response.set_test_name(request.test_name());
    const Status status = run_on_shard([&] { return answer(request, response); });
    if (!status.ok()) response.mutable_error()->set_message(status.to_string());
    write_compat(response);
  }
  return 0;
}

}  // namespace
}  // namespace ringrpc::interop

int main() { return ringrpc::interop::run(); }
