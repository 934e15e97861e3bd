// interop_client: runs one of gRPC's interop test cases, with the flags of gRPC's own clients.
//
//   interop_client --server_host=127.0.0.1 --server_port=10000 --test_case=ping_pong
//
// Exits with 0 if the server behaved as the case demands. Otherwise it exits with 1 and prints what the
// server did.
#include <cstdint>
#include <string>

#include "interop/client_cases.h"
#include "interop/program.h"
#include "interop/soak.h"

namespace ringrpc::interop {
namespace {

struct Options {
  std::string host = "localhost";
  std::uint32_t port = 10'000;
  std::string test_case = "large_unary";
  SoakOptions soak;

  std::string target() const { return address_of(host, port); }
};

std::string help() {
  std::string text = "Runs one of gRPC's interop test cases: rpc_soak, channel_soak";
  for (const ClientCase& test : client_cases()) text.append(", ").append(test.name);
  return text;
}

void add_flags(Flags& flags, Options& options) {
  flags.add("--server_host", options.host,
            "The server's host, or any other address, with or without its port");
  flags.add("--server_port", options.port, "The server's port, unless the address has it");
  flags.add("--test_case", options.test_case, "The test case to run");
  for (const char* name : {"--additional_metadata", "--custom_credentials_type", "--default_service_account",
                           "--oauth_scope", "--service_account_key_file", "--service_config_json"})
    flags.refuse(name);
  SoakOptions& soak = options.soak;
  flags.add("--soak_iterations", soak.iterations, "Calls that a soak test makes");
  flags.add("--soak_max_failures", soak.max_failures, "Maximum of failed calls");
  flags.add("--soak_per_iteration_max_acceptable_latency_ms", soak.per_iteration_max_ms,
            "Maximum duration of a successful call");
  flags.add("--soak_overall_timeout_seconds", soak.overall_timeout_s, "Time limit of the soak test");
  flags.add("--soak_min_time_ms_between_rpcs", soak.min_ms_between_rpcs,
            "Minimum time between the starts of two calls");
  flags.add("--soak_request_size", soak.request_bytes, "Bytes of a request's payload");
  flags.add("--soak_response_size", soak.response_bytes, "Bytes of a response's payload");
  flags.add("--soak_num_threads", soak.threads, "Calls at the same time");
}

Task<Status> run_case(const Options& options) {
  if (options.test_case == "rpc_soak") return soak(options.target(), Soak::one_channel, options.soak);
  if (options.test_case == "channel_soak")
    return soak(options.target(), Soak::new_channel_each, options.soak);
  return [](const Options& wanted) -> Task<Status> {
    Channel channel(wanted.target(), wanted.soak.channel);
    for (const ClientCase& test : client_cases()) {
      if (test.name == wanted.test_case) co_return co_await test.run(channel);
    }
    co_return Status(Code::INVALID_ARGUMENT, "no test case is named " + wanted.test_case + "; see --help");
  }(options);
}

int run(int count, char** arguments) {
  Flags flags(help());
  Options options;
  add_flags(flags, options);
  const TlsFlags tls(flags);
  Result<bool> go = flags.parse(count, arguments);
  if (!go) return report("interop_client", go.error());
  if (!*go) return 0;
  const Result<std::shared_ptr<const ClientTls>> secure = tls.client();
  if (!secure) return report("interop_client", secure.error());
  options.soak.channel.tls = *secure;
  const Status status = run_on_shard([&] { return run_case(options); });
  return report("interop_client " + options.test_case, status);
}

}  // namespace
}  // namespace ringrpc::interop

int main(int count, char** arguments) { return ringrpc::interop::run(count, arguments); }
