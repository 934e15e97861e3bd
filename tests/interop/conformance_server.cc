// conformance_server: the server that connectconformance tests. It reads its settings from standard input,
// writes its address to standard output, and serves until SIGTERM.
//
//   connectconformance --mode server --conf conformance.yaml -- conformance_server
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include "ringrpc/server.h"

#include "common/signals.h"
#include "connectrpc/conformance/v1/server_compat.pb.h"
#include "interop/conformance_service.h"
#include "interop/program.h"

namespace ringrpc::interop {
namespace {

constexpr const char* program = "conformance_server";

/// Null if the runner wants plaintext.
Result<std::shared_ptr<ServerTls>> credentials(const conformance::ServerCompatRequest& request) {
  if (!request.use_tls()) return nullptr;
  ServerTlsOptions options{.certificate = Pem::text(request.server_creds().cert()),
                           .private_key = Pem::text(request.server_creds().key())};
  if (!request.client_tls_cert().empty()) options.client_authorities = Pem::text(request.client_tls_cert());
  return ServerTls::load(options);
}

int run() {
  const apps::Signals signals({SIGTERM, SIGINT});
  conformance::ServerCompatRequest request;
  if (!read_compat(request))
    return report(program, Status(Code::INVALID_ARGUMENT, "standard input is empty"));
  ServerOptions options;
  const Result<std::shared_ptr<ServerTls>> tls = credentials(request);
  if (!tls) return report(program, tls.error());
  options.tls = *tls;
  options.listen = {"127.0.0.1:0"};
  options.max_response_bytes = options.max_message_bytes;  // the runner limits requests only
  if (request.message_receive_limit() > 0) options.max_message_bytes = request.message_receive_limit();
  ConformanceService service;
  Result<std::unique_ptr<Server>> server = Server::start({&service}, options);
  if (!server) return report(program, server.error());

  std::string_view address = (*server)->addresses().front();
  if (address.starts_with("tls+")) address.remove_prefix(4);
  const std::size_t colon = address.rfind(':');
  conformance::ServerCompatResponse response;
  response.set_host(std::string(address.substr(0, colon)));
  if (*tls) response.set_pem_cert(request.server_creds().cert());
  response.set_port(static_cast<std::uint32_t>(std::stoul(std::string(address.substr(colon + 1)))));
  write_compat(response);
  signals.wait();
  return 0;
}

}  // namespace
}  // namespace ringrpc::interop

int main() { return ringrpc::interop::run(); }
