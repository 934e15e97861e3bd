// interop_server: grpc.testing.TestService with the flags of gRPC's own interop servers.
//
//   interop_server --port=10000 --use_tls=true --tls_cert_file=server.pem --tls_key_file=server.key
//
// Listens on 127.0.0.1, or on --host, which may also be "vsock:any" or "unix:/path". With port 0 it takes a
// free port, which the line "ready on" names. SIGTERM and SIGINT end it once the calls in flight have
// finished.
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "ringrpc/log.h"
#include "ringrpc/server.h"

#include "common/descriptor_limit.h"
#include "common/signals.h"
#include "interop/program.h"
#include "interop/test_service.h"

namespace ringrpc::interop {
namespace {

constexpr std::uint64_t descriptors_wanted = 65'536;

int run(int count, char** arguments) {
  const apps::Signals signals({SIGTERM, SIGINT});
  Flags flags("Serves grpc.testing.TestService");
  std::string host = "127.0.0.1";
  std::uint32_t port = 10'000;
  ServerOptions options;
  flags.add("--host", host, "An address without its port, such as vsock:any, or a whole one");
  flags.add("--port", port, "0 takes a free one");
  flags.add("--shards", options.shards, "Threads; 0 takes one for each core");
  std::string log_level = "info";
  flags.add("--log_level", log_level, "trace, debug, info, warn, error or off");
  const TlsFlags tls(flags);
  Result<bool> go = flags.parse(count, arguments);
  if (!go) return report("interop_server", go.error());
  if (!*go) return 0;

  const Result<log::Level> level = log::parse_level(log_level);
  if (!level) return report("interop_server", level.error());
  log::set_level(*level);
  apps::raise_descriptor_limit(descriptors_wanted);
  options.listen = {address_of(host, port)};
  Result<std::shared_ptr<ServerTls>> secure = tls.server();
  if (!secure) return report("interop_server", secure.error());
  options.tls = *secure;
  TestService service;
  Result<std::unique_ptr<Server>> server = Server::start({&service}, options);
  if (!server) return report("interop_server", server.error());
  log::info("interop_server ready on {} ({} shards, {})", (*server)->addresses().front(), (*server)->shards(),
            (*server)->io_backend());
  signals.wait();
  (*server)->drain(std::chrono::seconds(5));
  return 0;
}

}  // namespace
}  // namespace ringrpc::interop

int main(int count, char** arguments) { return ringrpc::interop::run(count, arguments); }
