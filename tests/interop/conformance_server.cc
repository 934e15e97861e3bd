// conformance_server: the server that connectconformance judges. It is told on standard input how to serve,
// tells on standard output where it does, and serves until SIGTERM.
//
//   connectconformance --mode server --conf conformance.yaml -- conformance_server
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>

#include "ringrpc/server.h"

#include "common/signals.h"
#include "connectrpc/conformance/v1/server_compat.pb.h"
#include "interop/conformance_service.h"
#include "interop/program.h"

namespace ringrpc::interop {
namespace {

constexpr const char* program = "conformance_server";

int run() {
  const apps::Signals signals({SIGTERM, SIGINT});
  conformance::ServerCompatRequest request;
  if (!read_compat(request))
    return report(program, Status(Code::INVALID_ARGUMENT, "standard input is empty"));
  if (request.use_tls())
    return report(program,
                  Status(Code::UNIMPLEMENTED, "this server speaks plaintext; set supports_tls: false"));
  ServerOptions options;
  options.listen = {"127.0.0.1:0"};
  options.max_response_bytes = options.max_message_bytes;  // the runner limits requests only
  if (request.message_receive_limit() > 0) options.max_message_bytes = request.message_receive_limit();
  ConformanceService service;
  Result<std::unique_ptr<Server>> server = Server::start({&service}, options);
  if (!server) return report(program, server.error());

  const std::string& address = (*server)->addresses().front();
  const std::size_t colon = address.rfind(':');
  conformance::ServerCompatResponse response;
  response.set_host(address.substr(0, colon));
  response.set_port(static_cast<std::uint32_t>(std::stoul(address.substr(colon + 1))));
  write_compat(response);
  signals.wait();
  return 0;
}

}  // namespace
}  // namespace ringrpc::interop

int main() { return ringrpc::interop::run(); }
